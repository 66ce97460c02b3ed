"""What all pictures stand on: everything is escaped, and everything that cannot be seen is shown."""

import xml.etree.ElementTree as ET

import pytest

from course_lib.views.draw import element, join, shorten, svg, table_html, table_text, visible
from course_lib.views.lanes import Lane
from course_lib.views.pictures import waterfall_static


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a é 😀 中", "a é 😀 中"),
        ("\r\n\t\x00\x1b\x7f", r"\r\n\t\x00\x1b\x7f"),
        ("\u2028\u0085\ufeff\u202e\ud800", r"\u2028\x85\ufeff\u202e\ud800"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_characters_that_cannot_be_seen_are_escaped(text, shown):
    assert visible(text) == shown


def test_children_and_attributes_are_escaped_and_markup_is_not():
    inner = element("b", "<&>", title="\"'<\n")
    assert inner == '<b title="&quot;&#x27;&lt;\\n">&lt;&amp;&gt;</b>'
    assert element("p", inner, "<") == f"<p>{inner}&lt;</p>"
    assert join([inner, inner], "+") == f"{inner}+{inner}"


def test_strings_made_of_markup_are_escaped_again():
    assert element("p", element("b", "x") + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"


def test_tables_say_the_same_as_text_and_as_html():
    assert table_text("T", ("a", "b"), [("1", "<2>"), ("333", "")]) == "T\na    b\n1    <2>\n333"
    assert "&lt;2&gt;" in table_html("T", ("a", "b"), [("1", "<2>")])


def test_shorten_keeps_the_limit():
    assert (shorten("abc", 3), shorten("abcd", 3)) == ("abc", "ab…")
    assert shorten("0123456789abcdef", 10, middle=True) == "012…abcdef"


def test_pictures_are_well_formed_xml():
    ET.fromstring(svg(10, 10, "<\x00>", element("text", "]]>\ud800")))


@pytest.mark.parametrize("length", [0.0, 1e-6, 0.003, 0.7, 2.0, 61.0, 1e5])
def test_a_waterfall_of_any_length_has_two_to_eight_marks_on_its_axis(length):
    lanes = [Lane("a", started=0.0, tokens=[(length, "x")], ended=length, ending="complete"), Lane("idle")]
    picture = ET.fromstring(waterfall_static("t", lanes, 0.0)._repr_mimebundle_()["image/svg+xml"])
    marks = [node for node in picture if node.get("text-anchor") == "middle"]
    assert 2 <= len(marks) - 1 <= 8
    for node in picture.iter():
        for name in ("x", "y"):
            assert 0 <= float(node.get(name, "0")) + 10 <= 800

"""Curves: what is drawn is what was given, and the numbers stand beside it."""

import pytest

from course_lib.errors import MisuseError
from course_lib.views.curves import curves


def test_the_table_has_every_value():
    text = repr(curves("Growth", [1, 2], {"slow": [0.5, 2.0], "fast": [0.25, 0.5]}, xlabel="kB", unit="s"))
    assert text.splitlines()[1].split("  ")[0] == "kB"
    assert text.splitlines()[2].split() == ["1", "0.500", "0.250"]
    assert text.splitlines()[3].split() == ["2", "2.000", "0.500"]


def test_the_largest_value_reaches_the_top_of_the_plot():
    picture = curves("Growth", [1, 2], {"slow": [0.0, 4.0]}, xlabel="kB", unit="s").picture
    assert 'd="M275.0 260.0L480.0 50.0"' in picture


def test_names_are_escaped():
    picture = curves("a < b", [1], {"<script>": [1.0]}, xlabel="x", unit="s").picture
    assert "<script>" not in picture
    assert "&lt;script&gt;" in picture


@pytest.mark.parametrize(("x", "lines"), [([], {"a": []}), ([1], {}), ([1, 2], {"a": [1.0]})])
def test_lines_of_other_lengths_are_refused(x, lines):
    with pytest.raises(MisuseError, match="Measure every line"):
        curves("t", x, lines, xlabel="x", unit="s")


def test_zeros_are_drawn():
    assert curves("t", [0], {"a": [0.0]}, xlabel="x", unit="s").picture

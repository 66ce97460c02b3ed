"""Parsers side by side: what is lost, what is extra, and exceptions in their place."""

import json

import pytest

from course_lib.errors import MisuseError
from course_lib.views import compare_parsers
from course_lib.wire.sse import SSEDecoder

STREAM = b"data: a\n\ndata: b<i>\n\ndata: a\n\n"


def reference(reads):
    decoder = SSEDecoder()
    return [event.data for read in reads for event in decoder.feed(read)]


def careless(reads):
    for read in reads:
        for line in read.decode().split("\n"):
            if line:
                yield line.removeprefix("data: ")


def strict(reads):
    yield "a"
    json.loads("{")


def outcome(view, size, number):
    return list(view.results[size][number])


def test_tokens_are_there_lost_or_extra():
    view = compare_parsers(STREAM, {"careless": careless, "reference": reference}, sizes=[1, 9, 99])
    assert outcome(view, 99, 0) == [[["there", "a"], ["there", "b<i>"], ["there", "a"]], 3, ""]
    assert outcome(view, 9, 1) == outcome(view, 99, 0)
    lost_and_found = [["there", "a"], ["lost", "b<i>"], ["extra", "b<i"], ["extra", ">"], ["extra", ""], ["there", "a"]]
    assert outcome(view, 9, 0) == [lost_and_found, 2, ""]


def test_an_exception_stands_behind_what_came_before_it():
    pieces, right, error = outcome(compare_parsers(STREAM, {"strict": strict}, sizes=[5]), 5, 0)
    assert (pieces[0], right) == (["there", "a"], 1)
    assert error.startswith("JSONDecodeError: ")


def test_the_default_sizes_are_those_of_the_slider():
    view = compare_parsers(STREAM, {"reference": reference})
    assert list(view.results) == list(range(1, 65))
    assert 'max="63"' in view.controls


def test_the_slider_chooses_what_is_shown():
    view = compare_parsers(STREAM, {"careless": careless}, sizes=[9, 99])
    view.chosen = 0
    assert "9 bytes" in view.html
    assert '<del class="course-lost" title="lost">b&lt;i&gt;</del>' in view.html
    assert "✗ 2 of 3 tokens, 3 never sent" in view.html
    view.chosen = 1
    assert "99 bytes" in view.html
    assert "✓ all 3 tokens" in view.html


def test_the_text_twin_joins_neighbouring_sizes():
    view = compare_parsers(STREAM, {"careless": careless, "reference": reference}, sizes=[98, 99, 1])
    assert repr(view.snapshot()).splitlines() == [
        "3 tokens, 2 parsers",
        "bytes per read  careless               reference",
        "98 to 99        3 of 3                 3 of 3",
        "1               2 of 3, 22 never sent  3 of 3",
    ]
    assert "<i>" not in view._repr_mimebundle_()[0]["text/html"]


ONE = {"reference": reference}


@pytest.mark.parametrize("arguments", [(STREAM, {}), (STREAM, ONE, []), (STREAM, ONE, [0]), (b"x" * 100_001, ONE)])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(MisuseError):
        compare_parsers(*arguments)

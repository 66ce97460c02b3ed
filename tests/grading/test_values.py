"""Plain values survive the pipe with their types, and nothing else crosses it."""

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import PipeError
from course_lib.grading.values import Handle, dump, load, same, strict

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers() | st.binary(), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(values)
def test_every_plain_value_survives_the_trip(value):
    assert same(load(json.loads(json.dumps(dump(value)))), value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        -0.0,
        2**63,
        -(10**5000),
        "\ud83d\ude00",
        "\ud800",
        b"\x00\xff",
        {1: 2, b"k": None},
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_odd_values_survive_the_trip(value):
    back = load(json.loads(json.dumps(dump(value))))
    assert type(back) is type(value)
    assert same(back, value)
    if isinstance(value, float):
        assert math.copysign(1, back) == math.copysign(1, value)


@given(values, values)
def test_strict_values_are_equal_exactly_when_same_says_so(one, other):
    assert (strict(one) == other) == same(one, other)
    assert (strict(one) != other) != same(one, other)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (True, 1),
        (1, True),
        (1, 1.0),
        (0, False),
        ([True], [1]),
        ({"a": 1}, {"a": 1.0}),
        ({1: "x"}, {True: "x"}),
        ("a", b"a"),
        ([[0]], [[False]]),
        (None, False),
    ],
)
def test_values_of_different_types_are_not_equal(got, expected):
    assert not strict(got) == expected  # noqa: SIM201 - both operators are under test
    assert strict(got) != expected


def test_floats_agree_within_one_part_in_a_billion():
    assert strict(0.1 + 0.2) == 0.3
    assert strict([1.0 + 1e-12]) == [1.0]
    assert strict(1.0 + 1e-6) != 1.0


def test_a_strict_value_behaves_like_the_plain_one():
    answer = strict({"text": "abc", "count": 3, "ok": True, "items": [1, 2]})
    assert answer["text"].upper() == "ABC"
    assert answer["count"] + 1 == 4
    assert answer["ok"]
    assert sorted(answer["items"]) == [1, 2]
    assert repr(answer) == "{'text': 'abc', 'count': 3, 'ok': True, 'items': [1, 2]}"
    assert {answer["text"]: 1}["abc"] == 1


@pytest.mark.parametrize("value", [(1, 2), {1}, 1j, object(), type("List", (list,), {})([1])])
def test_other_types_do_not_cross(value):
    with pytest.raises(PipeError):
        dump(value)
    with pytest.raises(PipeError):
        dump([value])
    assert dump([value], lambda thing: Handle(7, "object", "T")) == [{"h": [7, "object", "T"]}]


def test_a_value_that_contains_itself_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(PipeError, match="contain itself"):
        dump(loop)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("dbuihx"), inner, max_size=2),
    max_leaves=20,
)


@given(json_values)
def test_whatever_arrives_is_a_value_or_a_pipe_error(raw):
    with contextlib.suppress(PipeError):
        load(raw)

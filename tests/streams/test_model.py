"""The scripted model: same text, seed and pace, same steps; no clock inside."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import MisuseError
from course_lib.model import DEFAULT_TEXT, ScriptedModel, tokenize


@given(st.text())
def test_tokens_join_to_the_text_exactly(text):
    assert "".join(tokenize(text)) == text
    assert "".join(token for _, token in ScriptedModel(text).steps()) == text


def test_the_default_answer_is_long_enough_and_has_characters_of_several_bytes():
    assert len(tokenize(DEFAULT_TEXT)) >= 40
    assert {len(character.encode()) for character in DEFAULT_TEXT} >= {1, 2, 4}
    assert "\n" in DEFAULT_TEXT


def test_every_token_takes_the_pace_and_the_first_waits_for_the_slow_start():
    delays = [delay for delay, _ in ScriptedModel("a b c", pace=0.1, slow_start=2).steps()]
    assert delays == [2.1, 0.1, 0.1]


@given(st.integers(), st.floats(0, 1), st.floats(1e-6, 10))
def test_jitter_is_seeded_and_bounded(seed, jitter, pace):
    model = ScriptedModel("a b c d", seed=seed, jitter=jitter, pace=pace)
    delays = [delay for delay, _ in model.steps()]
    assert delays == [delay for delay, _ in model.steps()]
    assert all(abs(delay - pace) <= pace * (jitter + 1e-9) for delay in delays), "but for rounding"


def test_another_seed_gives_another_rhythm():
    one, two = ([d for d, _ in ScriptedModel(seed=seed, jitter=0.5).steps()] for seed in (1, 2))
    assert one != two
    assert len(set(one)) > 1


@pytest.mark.parametrize(
    ("limit", "tokens", "reason"), [(None, 3, "stop"), (2, 2, "length"), (3, 3, "stop"), (9, 3, "stop")]
)
def test_max_tokens_cuts_the_answer_and_names_the_reason(limit, tokens, reason):
    model = ScriptedModel("a b c")
    assert (len(list(model.steps(limit))), model.finish_reason(limit)) == (tokens, reason)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pace": -1},
        {"pace": float("nan")},
        {"pace": float("inf")},
        {"pace": True},
        {"jitter": 2},
        {"slow_start": "1s"},
        {"seed": None},
    ],
)
def test_impossible_times_are_refused_by_name(wrong):
    with pytest.raises(MisuseError, match=next(iter(wrong))):
        ScriptedModel(**wrong)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3"])
def test_impossible_limits_are_refused(limit):
    with pytest.raises(MisuseError, match="max_tokens"):
        ScriptedModel().steps(limit)


def test_a_model_cannot_be_changed():
    with pytest.raises(AttributeError):
        ScriptedModel().pace = 1


def test_scripted_arguments_fit_the_schema_of_the_tool():
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["C", "F"]},
            "days": {"type": ["integer", "null"]},
            "hours": {"type": "array", "items": {"type": "number"}},
            "more": {"properties": {"wind": {"type": "boolean"}}},
            "when": {"const": None},
            "zip": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "places": {"type": "array", "items": {"$ref": "#/$defs/Place"}},
        },
        "$defs": {"Place": {"type": "object", "properties": {"near": {"oneOf": [{"$ref": "#/$defs/Name"}]}}}}
        | {"Name": {"type": "string"}},
    }
    model = ScriptedModel()
    value = json.loads(model.arguments(schema))
    assert value == {
        **{"city": "Zürich", "unit": "C", "days": 7, "hours": [1.5], "more": {"wind": True}},
        **{"when": None, "zip": 7, "places": [{"near": "Zürich"}]},
    }
    assert "".join(piece for _, piece in model.argument_steps(schema)) == model.arguments(schema)

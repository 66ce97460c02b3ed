"""A played model keeps to its schedule; checked on an event loop whose clock jumps."""

import asyncio
from contextlib import aclosing

import pytest

from course_lib.apps.live import HangUp
from course_lib.apps.play import GARBLED, EndEarly, ModelFailed, play
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel
from tests.streams.clock import in_jumps


def played(faults, text="a b c d", work=0.0, **model):
    """[(time, token)], and the time and the error of the end."""

    async def run():
        clock, seen = asyncio.get_running_loop().time, []
        steps = ScriptedModel(text, pace=1, **model).steps()
        try:
            async with aclosing(play(steps, FaultPlan.parse(faults))) as tokens:
                async for token in tokens:
                    seen.append((round(clock(), 6), token))
                    await asyncio.sleep(work)
        except (HangUp, EndEarly, ModelFailed) as error:
            return seen, round(clock(), 6), error
        return seen, round(clock(), 6), None

    return in_jumps(run)


def test_tokens_come_in_their_time():
    assert played("", slow_start=3) == ([(4, "a"), (5, " b"), (6, " c"), (7, " d")], 7, None)


def test_a_slow_reader_does_not_shift_the_schedule():
    assert [time for time, _ in played("", work=0.9)[0]] == [1, 2, 3, 4]


def test_a_reader_slower_than_the_model_is_never_waited_for():
    assert [time for time, _ in played("", work=2)[0]] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("faults", "times", "end"),
    [
        ("slow_start:5s", [6, 7, 8, 9], 9),
        ("stall@2:10s", [1, 2, 13, 14], 14),
        ("stall@2:10s, stall@2:5s", [1, 2, 18, 19], 19),
        ("stall@4:10s", [1, 2, 3, 4], 14),
        ("stall@9:10s", [1, 2, 3, 4], 4),
    ],
)
def test_delays_come_where_the_plan_says(faults, times, end):
    seen, ended, error = played(faults)
    assert ([time for time, _ in seen], ended, error) == (times, end, None)


@pytest.mark.parametrize(
    ("faults", "kind", "tokens", "end"),
    [
        ("cut@2", HangUp, 2, 2),
        ("cut@0", HangUp, 0, 0),
        ("slow_start:5s, cut@0", HangUp, 0, 5),
        ("stall@2:10s, reset@2", HangUp, 2, 12),
        ("truncate@4", EndEarly, 4, 4),
        ("error@3", ModelFailed, 3, 3),
    ],
)
def test_an_ending_comes_at_once_after_the_token(faults, kind, tokens, end):
    seen, ended, error = played(faults)
    assert (len(seen), ended, type(error)) == (tokens, end, kind)
    assert getattr(error, "reset", False) == ("reset" in faults)


def test_a_garbled_token_keeps_its_place_and_its_time():
    assert played("garble@1")[0] == [(1, "a"), (2, GARBLED), (3, " c"), (4, " d")]

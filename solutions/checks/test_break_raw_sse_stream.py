"""Instructor-only checks of break_raw_sse_stream. The visible file judges all six names; here are the other four."""

import runpy
from pathlib import Path

from course_lib.grading import points

VISIBLE = Path(__file__).parents[2] / "exercises" / "checks" / Path(__file__).name
refusal = runpy.run_path(str(VISIBLE))["refusal"]


@points(1)
def test_shows_several_data_lines(submission):
    """`multi_line`: each data line of one event comes out as a message of its own."""
    problem = refusal(submission.break_raw_sse_stream(), "multi_line")
    assert not problem, problem


@points(1)
def test_shows_what_comes_after_done(submission):
    """`after_done`: an event after `[DONE]` is still yielded."""
    problem = refusal(submission.break_raw_sse_stream(), "after_done")
    assert not problem, problem


@points(1)
def test_shows_the_body_of_an_error_status(submission):
    """`error_status_body`: the JSON body of a 401 answer comes out as an empty result."""
    problem = refusal(submission.break_raw_sse_stream(), "error_status_body")
    assert not problem, problem


@points(1)
def test_shows_an_error_event(submission):
    """`error_event`: the data of an `event: error` comes out as if it were a token."""
    problem = refusal(submission.break_raw_sse_stream(), "error_event")
    assert not problem, problem

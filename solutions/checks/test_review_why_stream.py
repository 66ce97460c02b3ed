"""Instructor-only checks of review_why_stream."""

from course_lib.grading import points


def misjudged(submission, truth):
    """The codes of one group whose verdict is missing or wrong. Each group holds both values: guessing fails it."""
    verdicts = submission.review_why_stream()
    return [code for code in truth if verdicts.get(code) != truth[code]]


@points(1)
def test_what_the_numbers_say(submission):
    """The claims about numbers: median_gap, collected, only_first."""
    assert misjudged(submission, {"median_gap": False, "collected": True, "only_first": False}) == []


@points(1)
def test_what_model_and_reader_do(submission):
    """The claims about model and reader: one_by_one, less_work, beyond_reading."""
    assert misjudged(submission, {"one_by_one": True, "less_work": False, "beyond_reading": True}) == []


@points(1)
def test_what_a_transport_is(submission):
    """The claims about transports: same_kind, sse_in_chunks, no_websocket."""
    assert misjudged(submission, {"same_kind": False, "sse_in_chunks": True, "no_websocket": False}) == []

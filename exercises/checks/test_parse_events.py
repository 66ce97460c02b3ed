"""Visible checks of parse_events."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "03_sse_format",
    "title": "The whole standard",
    "kind": "value",
    "difficulty": 3,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 03, 'What a blank line does'",
    "hints": [
        "Ask of every variable how long it lives. Two start afresh with each event (the type and the data lines); "
        "two live as long as the stream (the last event id and the retry time).",
        "An `id` line writes into a buffer. The buffer becomes the last event id when the block ends, whether or not "
        "the block had data. A block that never ends commits nothing. `retry` counts at once.",
        "At a blank line: first `last_id = id_buffer`; then, only if there was at least one `data` line, append "
        '`{"event": kind or "message", "data": "\\n".join(data), "id": last_id}`; then empty type and data, and keep '
        "the id. For `retry`: `value.isascii() and value.isdigit()`; `isdigit()` alone accepts `²` and full-width "
        "digits.",
    ],
    "after": "With the cases that only the task names, this is the whole of section 9.2.6. Several widely used Python "
    "clients do not have it: they dispatch an event for a block that only sets an id. Two variables per event, two per "
    "stream: keep that picture for the next lesson, where the same machine is fed with bytes that were cut anywhere. "
    "If you used `int` or `isdigit` on `retry`, or `splitlines` anywhere, look at what else they accept.",
}


def result(*events, last_event_id="", retry=None):
    return {
        "events": [{"event": kind, "data": data, "id": ident} for kind, data, ident in events],
        "last_event_id": last_event_id,
        "retry": retry,
    }


@points(1)
def test_gives_every_event_its_type(submission):
    """The type is the value of `event`, or `message`, and it lasts for one event only."""
    assert submission.parse_events("data: x\n\n") == result(("message", "x", ""))
    assert submission.parse_events("event: a\ndata: x\n\n") == result(("a", "x", ""))
    assert submission.parse_events("event: a\ndata: x\n\ndata: y\n\n") == result(("a", "x", ""), ("message", "y", ""))


@points(1)
def test_keeps_the_id_from_event_to_event(submission):
    """An `id` stays in force until another one replaces it."""
    got = submission.parse_events("id: 7\ndata: x\n\ndata: y\n\n")
    assert got == result(("message", "x", "7"), ("message", "y", "7"), last_event_id="7")


@points(1)
def test_reads_the_retry_time(submission):
    """`retry` sets the reconnection time, an int in milliseconds, if all its characters are ASCII digits."""
    assert submission.parse_events("retry: 1500\ndata: x\n\n") == result(("message", "x", ""), retry=1500)
    assert submission.parse_events("retry: 1500x\ndata: x\n\n") == result(("message", "x", ""))
    assert submission.parse_events("retry: ５\ndata: x\n\n") == result(("message", "x", "")), "that 5 is not ASCII"


@points(1)
def test_joins_data_lines(submission):
    """The `data` lines of an event are joined with a line feed."""
    assert submission.parse_events("data: a\ndata: b\n\n") == result(("message", "a\nb", ""))


@points(1)
def test_dispatches_nothing_without_data(submission):
    """A block without `data` gives no event, yet its `id` counts, once its empty line has come.

    The same fault in production: openai/openai-python#2722.
    """
    assert submission.parse_events("id: 9\n\n") == result(last_event_id="9")
    assert submission.parse_events("id: 9\n\n: ping\n\ndata: x\n\n") == result(("message", "x", "9"), last_event_id="9")
    assert submission.parse_events("id: 9\n") == result(), "the empty line never came: this id does not count"

"""Visible checks of parse_sse_stream."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "03_sse_format",
    "title": "Parse a whole SSE text",
    "kind": "value",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 03, 'What a line can be' (spaces, line ends) and 'When is an event complete?' (the rest)",
    "hints": [
        "Split the text into lines yourself. `str.splitlines()` also cuts at U+2028, U+0085, VT and FF, "
        "and all of these may stand inside a JSON string.",
        "Keep a list for the values of the `data` lines. Go through the lines one by one, and do nothing with that "
        "list until a blank line comes.",
        'Decide at the blank line. Nothing collected: go on. Otherwise join with `"\\n"`. Exactly `[DONE]`: return. '
        "Anything else: `json.loads`, and let its error out (it is a `ValueError`). Then empty the list. What stands "
        "in the list when the text ends was never finished: forget it.",
    ],
    "after": "The picture behind these checks: first lines, and then only a *blank* line makes an event of them. That "
    "one decision settles several rows of the table: two `data` lines are one payload, a comment has no effect, and an "
    "unfinished event is lost instead of invented. Other rows these checks leave to you. If you split lines yourself: "
    "at which characters, exactly? And what happens at `[DONE]`, with a payload that is not JSON, with a byte order "
    "mark? `[DONE]` and JSON are not rules of SSE; they belong to the application above it. In `parse_events` you "
    "write the layer below, with no JSON at all.",
}


@points(1)
def test_reads_the_example_of_the_task(submission):
    """Each event gives its JSON value, in order, and `[DONE]` gives none."""
    stream = 'data: {"content": "Hello"}\n\ndata: {"content": " world"}\n\ndata: {"content": "!"}\n\ndata: [DONE]\n\n'
    assert submission.parse_sse_stream("data: 1\n\n") == [1]
    assert submission.parse_sse_stream(stream) == [{"content": "Hello"}, {"content": " world"}, {"content": "!"}]


@points(1)
def test_accepts_a_value_without_a_space(submission):
    """The space after the colon may be missing."""
    assert submission.parse_sse_stream("data:1\n\n") == [1]
    assert submission.parse_sse_stream('data:{"a":1}\n\ndata: 2\n\n') == [{"a": 1}, 2]


@points(1)
def test_accepts_every_line_end(submission):
    """A line may end with LF, CRLF or CR."""
    assert submission.parse_sse_stream("data: 1\r\r") == [1]
    assert submission.parse_sse_stream("data: 1\r\n\r\n") == [1]
    assert submission.parse_sse_stream("data: 1\r\rdata: 2\r\r") == [1, 2]
    assert submission.parse_sse_stream("data: 1\r\n\r\ndata: 2\r\n\r\n") == [1, 2]
    assert submission.parse_sse_stream("data: 1\n\r") == [1], "the CR at the end makes an empty line: it ends the event"


@points(1)
def test_joins_the_data_lines_of_one_event(submission):
    """The `data` lines of one event are one payload, joined with a line feed."""
    assert submission.parse_sse_stream("data: [1,\ndata: 2]\n\n") == [[1, 2]]
    assert submission.parse_sse_stream('data: {\ndata:   "a": 1\ndata: }\n\ndata: 2\n\n') == [{"a": 1}, 2]
    try:
        got = submission.parse_sse_stream("data: 1\ndata: 2\n\n")
    except ValueError:  # right; that it must be raised is not this check's subject
        got = []
    assert got == [], "1, a line feed, 2 is not one JSON text: neither 12 nor two values may come of it"


@points(1)
def test_ignores_comments(submission):
    """A line that starts with a colon is a comment and has no effect.

    The same fault in production: modelscope/ms-swift#10086.
    """
    assert submission.parse_sse_stream(": ping\n\n") == []
    assert submission.parse_sse_stream(":data: 1\n\n") == []
    assert submission.parse_sse_stream(": ping\ndata: 1\n\n") == [1]
    assert submission.parse_sse_stream("data: 1\n: ping\n\n") == [1]
    assert submission.parse_sse_stream(": ping\n\ndata: 1\n\n:\n\ndata: 2\n\n") == [1, 2]


@points(1)
def test_discards_an_unfinished_event(submission):
    """An event without its empty line is discarded, whatever it holds; a line with a space in it is not empty."""
    assert submission.parse_sse_stream("data: 1") == []
    assert submission.parse_sse_stream("data: 1\n") == []
    assert submission.parse_sse_stream("data: 1\n\ndata: 2\n") == [1]
    assert submission.parse_sse_stream('data: 1\n\ndata: {"cut') == [1]
    assert submission.parse_sse_stream("data: 1\n \n") == [], "a line with a space in it is not empty"
    assert submission.parse_sse_stream("data: 1\r\n") == [], "CRLF is one line end: no empty line came"

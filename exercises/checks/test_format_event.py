"""Visible checks of format_event."""

from course_lib.grading import points
from course_lib.wire.sse import ServerSentEvent, SSEDecoder

EXERCISE = {
    "lesson": "03_sse_format",
    "title": "Write one event",
    "kind": "value",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 03, 'Writing: the same rules backwards'",
    "hints": [
        "What happens to a newline inside `data`? On the wire it would end the line, and the rest of your text would "
        "be read as another field.",
        "Write one `data: ` line for each line of the text, also for the empty ones. Only CRLF, CR and LF end a line: "
        "`splitlines()` would split at more, and it forgets an empty last line.",
        "Refuse, do not clean: CR or LF in `event` or `id`, NUL in `id`, and a `retry` that is a `bool` or negative "
        'raise `ValueError`. Then `text = data.replace("\\r\\n", "\\n").replace("\\r", "\\n")`, and one line '
        '`f"data: {part}"` for each part of `text.split("\\n")`.',
    ],
    "after": "Reading and writing are the same rules in two directions, and the best test of both is a round trip: try "
    "yours with texts that you would not send (if you split the data yourself: at which characters?), and with names "
    "and ids that somebody else chose. "
    "Note what cannot survive: CR and CRLF in your data come back as LF, because on the wire all three are only line "
    "ends. JSON has no such trouble, since it writes a newline as `\\n` in two characters. That is one good reason why "
    "LLM APIs send JSON.",
}


def read_back(written: bytes) -> list[ServerSentEvent]:
    assert isinstance(written, bytes), "expected bytes, not text: the function encodes as UTF-8"
    assert b"\r" not in written, "lines end with LF"
    assert written[-2:] == b"\n\n", "an event ends with an empty line"
    return SSEDecoder().feed(bytes(written))


@points(1)
def test_writes_one_line(submission):
    """One line of data becomes one `data` line and a blank line."""
    assert read_back(submission.format_event("hi")) == [ServerSentEvent("message", "hi")]
    assert read_back(submission.format_event("é 😀")) == [ServerSentEvent("message", "é 😀")]


@points(1)
def test_writes_one_data_line_per_line_of_text(submission):
    """A newline in the data starts another `data` line, also when it stands at the end."""
    assert read_back(submission.format_event("a\nb")) == [ServerSentEvent("message", "a\nb")]
    assert submission.format_event("a\nb").count(b"data:") == 2
    assert read_back(submission.format_event("a\n")) == [ServerSentEvent("message", "a\n")]


@points(1)
def test_writes_event_and_id(submission):
    """`event` and `id` are fields of the same event, and `id=""` is not `id=None`."""
    assert read_back(submission.format_event("x", event="token")) == [ServerSentEvent("token", "x")]
    assert read_back(submission.format_event("x", id="7")) == [ServerSentEvent("message", "x", "7")]
    assert read_back(submission.format_event("x", event="token", id="7")) == [ServerSentEvent("token", "x", "7")]
    for ident, last in ((None, "1"), ("", "")):
        decoder = SSEDecoder()
        decoder.feed(b"id: 1\n\n" + bytes(submission.format_event("x", id=ident)))
        assert decoder.last_event_id == last, f"after an event with id 1, {ident!r} should leave {last!r}"


@points(1)
def test_survives_a_round_trip(submission):
    """What you write, a decoder reads back: text, type, id and retry."""
    decoder = SSEDecoder()
    sent = [("Hello", "", None, None), (" world", "token", "1", 1500), ('{"a": [1, 2]}', "", None, 0)]
    received = [("message", "Hello", ""), ("token", " world", "1"), ("message", '{"a": [1, 2]}', "1")]
    for arguments, expected in zip(sent, received, strict=True):
        written = submission.format_event(*arguments)
        read = [(event.event, event.data, event.id) for event in decoder.feed(bytes(written))]
        assert read == [expected]
        assert arguments[3] is None or decoder.retry == arguments[3]
    assert decoder.retry == 0

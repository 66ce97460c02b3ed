"""Instructor-only checks of format_event."""

import pytest

from course_lib.grading import points
from course_lib.wire.sse import ServerSentEvent, SSEDecoder

CHARACTERS = ["a", "b", " ", " ", ":", "é", "😀", "\u2028", "\x85", "\t", "\x0b", "\x0c", "\x1c", "data: ", "\ufeff"]
LINE_ENDS = ["\n", "\r\n", "\r"]


def read_back(written):
    assert written[-2:] == b"\n\n", "an event ends with an empty line"
    assert b"\r" not in written, "lines end with LF"
    return SSEDecoder().feed(bytes(written))


@points(1)
def test_keeps_every_line_of_the_data(submission):
    """Empty data is an event, and empty lines of the data are lines, also the last one."""
    for data in ("", "\n", "a\n", "\na", "a\n\nb", "a\n\n"):
        assert read_back(submission.format_event(data)) == [ServerSentEvent("message", data)]
    for data, read in (("a\rb", "a\nb"), ("a\r\nb", "a\nb"), ("a\n\rb", "a\n\nb"), ("a\r\n", "a\n")):
        assert read_back(submission.format_event(data)) == [ServerSentEvent("message", read)]


@points(1)
def test_keeps_every_character(submission):
    """Leading spaces, colons and characters that only look like line ends come back as they were."""
    for data in (" a", "  ", ": a", "a ", "a\u2028b", "a\x85b", "a\x0bb\x0cc\x1cd", "id: 1", "\x00"):
        assert read_back(submission.format_event(data)) == [ServerSentEvent("message", data)]
    assert read_back(submission.format_event("x", event=" e ", id=" 7\u2028")) == [
        ServerSentEvent(" e ", "x", " 7\u2028")
    ]


@points(1)
def test_refuses_what_would_write_another_field(submission):
    """CR or LF in `event` or `id`, NUL in `id`, a negative or boolean `retry`: ValueError.

    The same fault in a server library turns this into `event: edata: injected`.
    """
    for event in ("x\ndata: y", "a\rb", "a\n", "\r\n"):
        with pytest.raises(ValueError):
            submission.format_event("x", event=event)
    for ident in ("7\n8", "7\r", "\n", "7\x008", "\x00"):
        with pytest.raises(ValueError):
            submission.format_event("x", id=ident)
    for retry in (-1, True, False):
        with pytest.raises(ValueError):
            submission.format_event("x", retry=retry)


@points(1)
def test_survives_random_round_trips(submission, rng):
    """Whatever is written comes back; CR and CRLF in data come back as LF."""
    decoder, last_id = SSEDecoder(), ""
    for number in range(200):
        data = "".join(rng.choices(CHARACTERS + LINE_ENDS, k=number // 20))
        event, ident = ("".join(rng.choices(CHARACTERS, k=number // 50)) for _ in range(2))
        ident, retry = rng.choice([ident, None]), rng.choice([None, 0, number])
        last_id = last_id if ident is None else ident
        written = submission.format_event(data, event=event, id=ident, retry=retry)
        read = decoder.feed(bytes(written))
        assert read == [ServerSentEvent(event or "message", data.replace("\r\n", "\n").replace("\r", "\n"), last_id)]
        assert retry is None or decoder.retry == retry

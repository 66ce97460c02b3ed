"""Visible checks of SSEParser."""

import pytest

from course_lib.grading import each, points

EXERCISE = {
    "lesson": "04_incremental_parsing",
    "title": "A parser that does not care where the bytes are cut",
    "kind": "object",
    "difficulty": 4,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 04, 'A worked example: lines from any cut'; for the limit 'Run 3: a buffer, and what it costs'",
    "hints": [
        "Work on bytes. Split lines there, and decode a line only when it is finished: then no character "
        "and no field name can ever be cut in half.",
        "You need to remember three things between two calls of `feed`: the unfinished line, the fields of the "
        "unfinished event, and one flag: 'the last byte was CR, so skip one LF if it comes first'.",
        "Keep the pieces of an unfinished line in a *list* and join them once, when the line ends: `tail += data` "
        "copies everything again on every call. Count the bytes as they come in, and look at the limit then: "
        "an endless line never reaches the code that handles finished lines.",
    ],
    "after": "Five streams gave the same events whole, in single bytes and at every cut into two. The flag for CR is "
    "the heart of such a parser: the line ends *now*, and the LF that may follow is recognised later as the second "
    "half of the same line end. Waiting instead would hold back every event of a CR stream until the next one comes. "
    "What it costs is another question. If each `feed` touches only what is new, the work grows with the bytes; "
    "if it touches all that came before, with their square. That is common: when libraries were measured in November "
    "2026, six of those for Python needed 17 to 20 times as long for an event of 4 MB as for one of 1 MB.",
}


def message(data, event="message", id=""):
    return {"event": event, "data": data, "id": id}


# Five short streams, each with another place where a cut hurts. Each check takes those that need its own rule only.
LF_STREAMS = [
    (b"data: a\n\ndata: b\n\n", [message("a"), message("b")]),
    (b"event: e\nid: 7\ndata:  x\n\n: c\n\ndata\n\n", [message(" x", "e", "7"), message("", id="7")]),
]
UNICODE = ("data:→\n\nid: é\ndata:🚀\n\n".encode(), [message("→"), message("🚀", id="é")])
CRLF = (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [message("a\nb"), message("c")])
CR = (b"data: a\r\rdata: b\r\r", [message("a"), message("b")])


def events_of(submission, pieces):
    """All events of one new parser that is fed with these pieces and closed."""
    parser = submission.SSEParser()
    results = each(parser.feed, pieces)
    parser.close()
    assert None not in results, "feed returns a list, also while nothing is complete"
    return [event for result in results for event in result]


@points(1)
def test_parses_whole_streams(submission):
    """A stream that comes in one piece gives all its events, and last_event_id and retry are kept up to date."""
    for stream, expected in [*LF_STREAMS, UNICODE]:
        assert events_of(submission, [stream]) == expected
    parser = submission.SSEParser()
    assert parser.last_event_id == ""
    assert parser.retry is None
    assert parser.feed(b"retry: 1500\nid: 7\ndata: x\n\n") == [message("x", id="7")]
    assert parser.last_event_id == "7"
    assert parser.retry == 1500
    assert parser.feed(b"id: 8\n") == []
    assert parser.last_event_id == "7", "an id is taken over at the blank line of its block"
    assert parser.feed(b"\n") == []
    assert parser.last_event_id == "8", "an id is taken over at the blank line of its block, also without data"


def single_bytes(stream):
    return [bytes([byte]) for byte in stream]


@points(1)
def test_parses_single_bytes(submission):
    """The same stream gives the same events when its bytes come one by one."""
    for stream, expected in LF_STREAMS:
        assert events_of(submission, single_bytes(stream)) == expected


@points(1)
def test_takes_cr_and_lf_in_two_feeds_for_one_line_end(submission):
    """LF, CRLF and CR end a line; CR at the end of one feed and LF at the start of the next are one line end, not two.
    The same fault in production: rexxars/eventsource-parser issue 17, openai/openai-agents-python pull 4215."""
    assert events_of(submission, [CRLF[0]]) == CRLF[1]
    assert events_of(submission, [b"data: a\r", b"\ndata: b\r\n\r\n"]) == [message("a\nb")]
    assert events_of(submission, [b"data: a\r\n\r", b"\ndata: b\r\n\r\n"]) == [message("a"), message("b")]
    assert events_of(submission, [b"data: a\r", b"\n", b"data: b\r", b"\n", b"\r", b"\n"]) == [message("a\nb")]
    empty_between = [b"data: a\r", b"", b"\ndata: b\r\n\r\n"]
    assert events_of(submission, empty_between) == [message("a\nb")], "an empty feed between CR and LF changes nothing"
    assert events_of(submission, [CR[0]]) == CR[1], "a CR without LF ends a line, too, and at once"
    for stream, expected in (CRLF, CR):
        assert events_of(submission, single_bytes(stream)) == expected


@points(1)
def test_keeps_a_cut_character_whole(submission):
    """A character whose bytes come in different feeds is one character, not several U+FFFD."""
    rocket = "🚀".encode()
    for cut in range(1, len(rocket)):
        assert events_of(submission, [b"data: " + rocket[:cut], rocket[cut:] + b"\n\n"]) == [message("🚀")]
    stream, expected = UNICODE
    assert events_of(submission, single_bytes(stream)) == expected


@points(2)
def test_parses_every_cut_into_two(submission):
    """A cut at any place between two bytes changes nothing."""
    for stream, expected in [*LF_STREAMS, UNICODE, CRLF, CR]:
        for cut in range(1, len(stream)):
            assert events_of(submission, [stream[:cut], stream[cut:]]) == expected


@points(1)
def test_limits_the_size_of_an_event(submission):
    """An event may have max_event_size bytes in its lines, and one more raises ValueError."""
    parser = submission.SSEParser(10)
    assert parser.feed(b"data: 1234\n\n") == [message("1234")]
    assert parser.feed(b"data: 1234\r\n\r\n") == [message("1234")], "line ends are not counted"
    assert parser.feed(b"data:1\n:ab\n\ndata: 1234\n\n") == [message("1"), message("1234")]
    assert parser.feed("data: éé\n\n".encode()) == [message("éé")]
    for too_big in (b"data: 12345\n\n", b"data:1\ndata:2\n\n", b"data:1\n: abc\n\n", "data: ééé\n\n".encode()):
        parser = submission.SSEParser(10)
        with pytest.raises(ValueError):
            parser.feed(too_big)


@points(1)
def test_limits_an_endless_line(submission):
    """The limit holds also in the middle of a line that never ends, and in an event without a blank line."""
    parser = submission.SSEParser(100)
    assert parser.feed(b"data: ") == []
    assert parser.feed(b"x" * 94) == []
    with pytest.raises(ValueError):
        parser.feed(b"x")
    parser = submission.SSEParser(100)
    assert each(parser.feed, [b"data: 1234\n"] * 10) == [[]] * 10
    with pytest.raises(ValueError):
        parser.feed(b"d")

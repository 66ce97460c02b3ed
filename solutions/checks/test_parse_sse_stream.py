"""Instructor-only checks of parse_sse_stream."""

import json
import time

import pytest

from course_lib.grading import deadline, outcomes, points
from course_lib.wire.sse import SSEDecoder

BLOCKS = (  # of the random streams: most are good, since one bad payload ends a stream
    (12, ("data: 1",)),
    (6, ("data:0",)),
    (6, ("data: null",)),
    (6, ('data: {"t": " a\u2028\x85"}',)),
    (4, ("data: [1,", "data: 2]")),
    (4, ("data: [", ": note", "data:", "id: 3", "data:]")),
    (4, (": data: 5",)),
    (4, ("event: ping",)),
    (4, ("event: e", "data: false")),
    (3, ("datax: 6", " data: 6", "Data: 6", "\ufeffdata: 6")),
    (3, ('data: "[DONE]"',)),
    (3, ()),
    (2, ("data: [DONE]",)),
    (1, ("data: 7", "data: 8")),
    (1, ('data: "a', 'data: b"')),
    (1, ("data",)),
    (1, ("data: x",)),
    (1, ("data: [DONE] ",)),
)
WEIGHTS, SHAPES = [weight for weight, _ in BLOCKS], [lines for _, lines in BLOCKS]


def standard(stream):
    values = []
    for event in SSEDecoder().feed(stream.encode()):
        if event.data == "[DONE]":
            break
        values.append(json.loads(event.data))
    return values


def outcome(parse, stream):
    try:
        return parse(stream)
    except Exception as error:
        return kind(error)


def kind(answer):
    """An answer that can be compared: the value, or which exception it was."""
    if not isinstance(answer, Exception):
        return answer
    return "raises ValueError" if isinstance(answer, ValueError) else f"raises {type(answer).__name__}"


def random_stream(rng, blocks):
    ends = rng.choice(["\n", "\n", "\r\n", "\r", "\n\r"])
    text = rng.choice(["", "", "", "\ufeff"])
    for lines in rng.choices(SHAPES, WEIGHTS, k=blocks):
        blank = () if rng.random() < 0.02 else ("",)
        text += "".join(line + (rng.choice(ends) if ends == "\n\r" else ends) for line in (*lines, *blank))
    return text


def smallest(stream, wrong, calls=80):
    """A stream that is still wrong when parts of `stream` are left out: halves first, then single characters."""
    size = max(1, len(stream) // 2)
    while size:
        start, before = 0, stream
        while start < len(stream) and calls:
            calls -= 1
            shorter = stream[:start] + stream[start + size :]
            if wrong(shorter):
                stream = shorter
            else:
                start += size
        size = size // 2 if size > 1 or stream == before or not calls else 1
    return stream


@points(1)
def test_splits_lines_at_nothing_else(submission):
    """Only LF, CRLF and CR end a line: U+2028, U+0085, VT, FF and the like are text.

    The same fault in production: openai/openai-python#1230.
    """
    for character in "\u2028\x85\u2029":
        assert submission.parse_sse_stream(f'data: "a{character}b"\n\n') == [f"a{character}b"]
    for character in "\x0b\x0c\x1c\x1d\x1e":  # JSON forbids them in strings: here they stand in a comment
        assert submission.parse_sse_stream(f": a{character}data: 1{character}{character}\ndata: 2\n\n") == [2]
    assert submission.parse_sse_stream('data: "a\u2028\u2028data: b"\n\n') == ["a\u2028\u2028data: b"]


@points(1)
def test_ends_at_the_marker(submission):
    """A payload that is exactly `[DONE]` ends the stream; with anything around it, it is an ordinary payload."""
    assert submission.parse_sse_stream("data: [DONE]\n\ndata: 1\n\n") == []
    assert submission.parse_sse_stream("data:[DONE]\r\n\r\ndata: not JSON\r\n\r\n") == []
    assert submission.parse_sse_stream("data: 1\n\ndata: [DONE]\n\ndata: [DONE]\n\ndata: 2\n\n") == [1]
    assert submission.parse_sse_stream('data: "[DONE]"\n\ndata: 1\n\n') == ["[DONE]", 1]
    stream = 'data: {"t": "data: [DONE]"}\n\ndata: [1,\ndata: "[DONE]"]\n\n: [DONE]\n\ndata: 2\n\n'
    assert submission.parse_sse_stream(stream) == [{"t": "data: [DONE]"}, [1, "[DONE]"], 2]
    for payload in ("[DONE] ", " [DONE]", "[DONE]x", "[done]", "[DONE]\ndata: 1"):
        with pytest.raises(ValueError):
            submission.parse_sse_stream(f"data: {payload}\n\n")


@points(1)
def test_takes_each_payload_for_one_json_text(submission):
    """A payload is one JSON text: its value with its type, or ValueError, never silence."""
    for text, value in [("null", None), ("false", False), ("0", 0), ("1", 1), ("1.0", 1.0), ('""', ""), ("[]", [])]:
        assert submission.parse_sse_stream(f"data: {text}\n\n") == [value]
    assert submission.parse_sse_stream("data: 1\n\ndata: true\n\ndata: null\n\ndata: {}\n\n") == [1, True, None, {}]
    for event in ("data: x", 'data: {"a": 1', "data: 1 2", "data", "data:", "data: ", 'data: "a\ndata: b"'):
        with pytest.raises(ValueError):
            submission.parse_sse_stream(f"{event}\n\n")
    with pytest.raises(ValueError):
        submission.parse_sse_stream("data: 1\n\ndata: {'a': 1}\n\ndata: 2\n\n")


@points(1)
def test_counts_only_the_field_data(submission):
    """Only lines whose field name is exactly `data` count; a byte order mark is ignored at the very start, once."""
    assert submission.parse_sse_stream("event: ping\n\n") == []
    assert submission.parse_sse_stream("event: ping\ndata: 1\nid: 2\nretry: 3\n\n") == [1]
    for line in ("datax: 1", "Data: 1", " data: 1", "data : 1", "xdata: 1", "id: data: 1"):
        assert submission.parse_sse_stream(f"{line}\n\ndata: 2\n\n") == [2]
    assert submission.parse_sse_stream("data: [1,\n \ndata: 2]\n\n") == [[1, 2]], "a line with a space is not blank"
    assert submission.parse_sse_stream("\ufeffdata: 1\n\n") == [1]
    assert submission.parse_sse_stream("\ufeff\ufeffdata: 1\n\ndata: 2\n\n") == [2], "the second mark is text"
    assert submission.parse_sse_stream('data: "\ufeff"\n\n\ufeffdata: 1\n\n') == ["\ufeff"], "marks inside are text"


EVENTS = "".join(f"event: ping\n\ndata: {number}\n\n" + "event: ping\n\n" * 98 for number in range(100))


def long_stream(padding):
    """10,000 events, and behind them a comment of `padding` wide characters."""
    return f"{EVENTS}: 😀{'x' * padding}\n\n"


@deadline(4)
@points(1)
def test_reads_a_long_stream(submission):
    """10,000 events and a long comment behind them take time in proportion to their size."""
    # A linear program needs hundredths of a second. One that copies the rest after each event moves 10 gigabytes, and
    # shows by its time that it has to try again with 200: the clock only decides who has to.
    started = time.monotonic()
    assert submission.parse_sse_stream(long_stream(200_000)) == list(range(100)), "not the values that were sent"
    if time.monotonic() - started > 0.15:
        assert submission.parse_sse_stream(long_stream(5_000_000)) == list(range(100)), "not the values that were sent"


@points(1)
def test_agrees_with_the_reference(submission, rng):
    """Random streams give what a decoder that follows the standard gives."""
    parse = submission.parse_sse_stream
    streams = [random_stream(rng, blocks=1 + number // 25) for number in range(200)]
    given = [kind(answer) for answer in outcomes(parse, streams)]
    for stream, answer in zip(streams, given, strict=True):
        if answer != outcome(standard, stream):
            stream = smallest(stream, lambda text: outcome(parse, text) != outcome(standard, text))
            assert outcome(parse, stream) == outcome(standard, stream)
            pytest.fail("it gave another result for the same stream in a second call")

"""The event stream: what the vectors do not say. Limits, promptness, huge values, encoding, and a second opinion."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course_lib.errors import LimitExceeded, MisuseError
from course_lib.wire.sse import WINDOW, ServerSentEvent, SSEDecoder, encode_comment, encode_event
from tests.strategies import one_line, sse_streams, text


def decode(*pieces: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def by_the_letter(stream: bytes) -> tuple[list[tuple[str, str, str]], str, int | None]:
    """WHATWG HTML 9.2.6 written down a second time: no state between reads, no speed, another order of steps."""
    *lines, _unfinished = re.split("\r\n|\r|\n", stream.decode("utf-8", "replace").removeprefix("\ufeff"))
    events, data, kind, identity, last, retry = [], "", "", "", "", None
    for line in lines:
        if line == "":
            last = identity
            if data:
                events.append((kind or "message", data[:-1], last))
            data = kind = ""
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value[:1] == " " else value
            if name == "data":
                data += value + "\n"
            elif name == "event":
                kind = value
            elif name == "id" and "\0" not in value:
                identity = value
            elif name == "retry" and re.fullmatch("[0-9]+", value):
                retry = int(value)
    return events, last, retry


@given(sse_streams())
@example(b"data: a\n\ndata: b\nid: 1\n\ndata: c\n\n\ndata: d\n\n")
@example(b"data: a\xe2\x82\n\ndata: \xacb\n\n")
@example(b"\xef\xbb\xbfdata: a\n\n\n\ndata: b\n\n")
def test_any_stream_means_what_the_standard_says(stream):
    decoder = SSEDecoder()
    events = [tuple(event)[:3] for event in decoder.feed(stream)]
    assert (events, decoder.last_event_id, decoder.retry) == by_the_letter(stream)


@given(st.lists(st.sampled_from([b"data: a\n\n", b"data: \xc3\xa9\n\n", b"data: b\n", b"\n", b"id: 1\n", b": p\n\n"])))
def test_plain_events_in_bulk_mean_the_same_as_line_by_line(parts):
    stream = b"".join(parts)
    assert [tuple(event)[:3] for event in decode(stream)] == by_the_letter(stream)[0]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r", b"\r\r", b"\n\r"])
def test_an_event_comes_with_the_byte_that_ends_its_blank_line(end):
    decoder = SSEDecoder()
    assert decoder.feed(b"data: x" + end[:-1]) == []
    assert decoder.feed(end[-1:]) == [ServerSentEvent(data="x")]


def test_a_line_feed_behind_a_carriage_return_is_skipped_once_whenever_it_comes():
    decoder = SSEDecoder()
    assert len(decoder.feed(b"data: a\r\r")) == 1
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: b\r") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\n") == [ServerSentEvent(data="b")]
    assert decoder.feed(b"data: c\r") == []
    assert decoder.feed(b"\n\n") == [ServerSentEvent(data="c")]


def test_a_mark_may_come_in_three_reads_and_only_the_first_is_dropped():
    assert decode(b"\xef", b"\xbb", b"\xbf", b"data: x\n\n") == [ServerSentEvent(data="x")]
    assert decode(b"\xef\xbb\xbf", b"\xef\xbb\xbfdata: x\n\n", b"data: y\n\n") == [ServerSentEvent(data="y")]
    assert decode(b"data: x\n\n", b"\xef\xbb\xbfdata: y\n\n") == [ServerSentEvent(data="x")]


def test_half_a_mark_is_the_beginning_of_a_field_name():
    assert decode(b"\xef\xbb", b"data: x\n\ndata: y\n\n") == [ServerSentEvent(data="y")]


def test_retry_counts_with_its_line_and_id_with_its_blank_line():
    decoder = SSEDecoder()
    decoder.feed(b"retry: 10\nid: 1")
    assert (decoder.retry, decoder.last_event_id) == (10, "")
    decoder.feed(b"\n")
    assert decoder.last_event_id == ""
    decoder.feed(b"\n")
    assert decoder.last_event_id == "1"


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        (b"0", 0),
        (b"99999999999999999999999", 99999999999999999999999),
        (b"0" * 5000 + b"7", 7),
        (b"0" * 5000, 0),
        (b"9" * 300, 10**300 - 1),
        (b"9" * 301, 5),
        (b"9" * 100_000, 5),
        (b"1_000", 5),
        ("²".encode(), 5),
        ("١٥".encode(), 5),
        (b"", 5),
    ],
)
def test_retry_is_ascii_digits_and_at_most_300_of_them(value, retry):
    decoder = SSEDecoder()
    decoder.feed(b"retry: 5\nretry: " + value + b"\n")
    assert decoder.retry == retry


def test_the_limit_counts_all_lines_of_an_event_without_their_ends():
    lines = b"data: 12\r\n: 456\r\nid: 7\r\nx\r\n"  # 8 + 5 + 5 + 1 bytes
    assert SSEDecoder(19).feed(lines + b"\r\n") == [ServerSentEvent(data="12", id="7")]
    with pytest.raises(LimitExceeded, match="18 bytes"):
        SSEDecoder(18).feed(lines)
    with pytest.raises(LimitExceeded, match="18 bytes"):
        SSEDecoder(18).feed(lines[:-2])


@pytest.mark.parametrize("event", [b"data: 1234567\n\n", b"data: 12345\n\ndata: 1234567\n\n", b"id: 12345678\n\n"])
def test_a_complete_event_over_the_limit_is_refused_too(event):
    with pytest.raises(LimitExceeded):
        SSEDecoder(11).feed(event)


def test_the_limit_is_for_one_event_and_not_for_the_stream():
    decoder = SSEDecoder(20)
    assert len(decoder.feed(b"data: 12345\n\n" * 100)) == 100
    assert len(decoder.feed(b": ping\n\n" * 100 + b"data\n\n" * 100)) == 100


def test_events_before_one_that_is_too_large_are_on_the_error():
    with pytest.raises(LimitExceeded) as raised:
        SSEDecoder(10).feed(b"data: a\n\ndata: b\n\ndata: much too long")
    assert raised.value.finished == (ServerSentEvent(data="a"), ServerSentEvent(data="b"))


@pytest.mark.parametrize("line", [b"data: ", b": ", b"unknown", b"id: ", b"\r\r\xff"])
def test_an_endless_line_is_refused_in_its_middle(line):
    decoder = SSEDecoder(1000)
    decoder.feed(line)
    for _ in range(9):
        assert decoder.feed(b"x" * 100) == []
    with pytest.raises(LimitExceeded):
        decoder.feed(b"x" * 101)


def test_a_mark_does_not_count_for_the_limit():
    assert SSEDecoder(7).feed(b"\xef\xbb\xbfdata: x\n\n") == [ServerSentEvent(data="x")]


@pytest.mark.parametrize("size", [WINDOW - 9, WINDOW - 8, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_large_reads_are_no_different(size):
    event = b"data: " + b"\xc3\xa9" * 3 + b"\r\n\r\n"
    stream = event * (size // len(event) + 1)
    assert decode(stream[:size], stream[size:]) == [ServerSentEvent(data="ééé")] * (size // len(event) + 1)


@pytest.mark.parametrize("read", [1000, WINDOW, 10**6])
def test_an_event_may_be_larger_than_a_window(read):
    text = "é" * WINDOW
    stream = encode_event(text) + encode_event("small") + encode_event(text, event="large")
    pieces = [stream[start : start + read] for start in range(0, len(stream), read)]
    assert [(event.event, event.data) for event in decode(*pieces)] == [
        ("message", text),
        ("message", "small"),
        ("large", text),
    ]


def test_an_event_is_frozen_and_prints_as_one_line():
    event = ServerSentEvent("token", "two\nlines", "7", 0)
    assert str(event) == r"token: 'two\nlines', id '7', retry 0 ms"
    assert str(ServerSentEvent(data="x" * 1000)) == f"message: '{'x' * 80}'... (1,000 characters)"
    assert ServerSentEvent() == ServerSentEvent(event="message", data="", id="", retry=None)
    for name in ("data", "new"):
        with pytest.raises(AttributeError):
            setattr(event, name, "x")


@given(data=text(), event=st.none() | one_line(), identity=st.none() | one_line(), retry=st.none() | st.integers(0))
def test_what_is_encoded_comes_back(data, event, identity, retry):
    decoder = SSEDecoder()
    events = decoder.feed(encode_event(data, event=event, id=identity, retry=retry))
    same_line_ends = data.replace("\r\n", "\n").replace("\r", "\n")
    assert events == [ServerSentEvent(event or "message", same_line_ends, identity or "")]
    assert (decoder.last_event_id, decoder.retry) == (identity or "", retry)


@pytest.mark.parametrize(
    ("arguments", "wire"),
    [
        ({"data": "hello"}, b"data: hello\n\n"),
        ({"data": ""}, b"data: \n\n"),
        ({"data": " x"}, b"data:  x\n\n"),
        ({"data": "a\r\nb\rc\nd\n"}, b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
        ({"data": "a\u2028b\x85"}, "data: a\u2028b\x85\n\n".encode()),
        ({"data": "x", "event": "token", "id": "7", "retry": 0}, b"event: token\nid: 7\nretry: 0\ndata: x\n\n"),
        ({"data": "x", "id": ""}, b"id: \ndata: x\n\n"),
    ],
)
def test_an_event_on_the_wire(arguments, wire):
    data = arguments.pop("data")
    assert encode_event(data, **arguments) == wire


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"event": "x\ndata: forged"}, "event"),
        ({"event": "x\r"}, "event"),
        ({"id": "1\n"}, "id"),
        ({"id": "1\r2"}, "id"),
        ({"id": "1\0"}, "id"),
        ({"event": "x\0"}, "event"),
        ({"id": 7}, "id"),
        ({"event": b"x"}, "event"),
        ({"retry": -1}, "retry"),
        ({"retry": True}, "retry"),
        ({"retry": 1.5}, "retry"),
        ({"retry": "1"}, "retry"),
        ({"event": "\ud83d"}, "surrogate"),
    ],
)
def test_what_the_format_cannot_carry_is_refused_by_name(arguments, named):
    with pytest.raises(MisuseError, match=named):
        encode_event("x", **arguments)


@pytest.mark.parametrize("data", [b"bytes", {"a": 1}, None, 5])
def test_data_is_text(data):
    with pytest.raises(MisuseError, match=f"data is text.*{type(data).__name__}"):
        encode_event(data)


def test_half_a_surrogate_pair_is_refused_with_the_reason():
    with pytest.raises(MisuseError, match="surrogate"):
        encode_event("broken \ud83d")
    with pytest.raises(MisuseError, match="surrogate"):
        encode_comment("\udc00")


@given(text())
def test_a_comment_dispatches_nothing_whatever_it_says(comment):
    decoder = SSEDecoder()
    assert decoder.feed(encode_comment(comment)) == []
    assert (decoder.last_event_id, decoder.retry) == ("", None)
    assert decoder.feed(encode_event("x")) == [ServerSentEvent(data="x")]


def test_comments_on_the_wire():
    assert encode_comment() == b": \n\n"
    assert encode_comment("ping") == b": ping\n\n"
    assert encode_comment("a\nb") == b": a\n: b\n\n"

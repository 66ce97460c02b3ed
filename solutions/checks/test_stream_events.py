"""Instructor-only checks of stream_events."""

import time

import pytest

from course_lib.grading import points, shorten_httpx_timeouts

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"
EVENT_STREAM = HEAD % b"text/event-stream"


def message(data):
    return {"event": "message", "data": data, "id": ""}


def answer(peer, *pieces):
    """The URL of a server that sends these pieces and closes."""

    def handler(conn):
        for piece in pieces:
            conn.send(piece)
        conn.close()

    return peer(handler)


@points(1)
def test_ignores_parameters_and_case_of_the_media_type(submission, peer):
    """Parameters and letter case of the media type do not matter."""
    for media_type in (b"text/event-stream;charset=UTF-8", b"text/event-stream ; charset=utf-8", b"Text/Event-Stream"):
        assert list(submission.stream_events(answer(peer, HEAD % media_type, b"data: a\n\n"))) == [message("a")]


@points(1)
def test_refuses_other_media_types(submission, peer):
    """An answer of another media type, such as an HTML page, raises ValueError."""
    types = [b"text/html", b"text/event-stream2", b"application/json; accept=text/event-stream"]
    for media_type in [*types, b"text/html, text/event-stream"]:
        with pytest.raises(ValueError):
            next(submission.stream_events(answer(peer, HEAD % media_type, b"data: a\n\n")))
    with pytest.raises(ValueError):
        next(submission.stream_events(answer(peer, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: a\n\n")))


@points(1)
def test_accepts_packets_of_any_size(submission, peer):
    """One byte per packet and one event of 300 kB both arrive whole."""
    stream = b"data: a\n\ndata: b\n\n"
    single = answer(peer, EVENT_STREAM, *[stream[n : n + 1] for n in range(len(stream))])
    assert list(submission.stream_events(single)) == [message("a"), message("b")]
    big = "x" * 300_000
    assert list(submission.stream_events(answer(peer, EVENT_STREAM, b"data: %s\n\n" % big.encode()))) == [message(big)]


@points(1)
def test_waits_through_a_silence(submission, peer):
    """A silence between two events that is longer than httpx's default read timeout is waited for."""
    shorten_httpx_timeouts(submission)

    def handler(conn):
        conn.send(EVENT_STREAM + b"data: a\n\n")
        time.sleep(0.6)  # longer than the shortened default of 0.4 s
        conn.send(b"data: b\n\n")
        conn.close()

    assert list(submission.stream_events(peer(handler))) == [message("a"), message("b")]


@points(1)
def test_discards_an_event_that_was_cut_off(submission, peer):
    """When the connection ends inside an event, the loop ends and that event is not yielded."""
    for rest in (b"data: b", b"data: b\n", b"event: e\n"):
        assert list(submission.stream_events(answer(peer, EVENT_STREAM, b"data: a\n\n" + rest))) == [message("a")]

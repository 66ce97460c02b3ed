"""Visible checks of stream_events."""

import re
import threading
from contextlib import contextmanager

import pytest

from course_lib.grading import deadline, points
from course_lib.grading.channel import Ended

EXERCISE = {
    "lesson": "04_incremental_parsing",
    "title": "Events from a live connection",
    "kind": "client",
    "difficulty": 3,
    "easy": False,
    "stretch": False,
    "uses": ["httpx"],
    "read": "lesson 04, 'From the socket to the parser'",
    "hints": [
        "`httpx.stream` gives the answer while it is still coming. Read it with `iter_bytes()` or `iter_raw()`, "
        "not with `iter_lines()`, which also cuts at U+2028.",
        "A `with` block inside a generator is left when the generator is closed, and leaving it closes the connection. "
        "So keep everything inside the `with`, and `yield` from there.",
        '`with httpx.stream("GET", url, timeout=httpx.Timeout(None, connect=5.0)) as response:`; check '
        '`response.status_code`, then `response.headers.get("content-type", "")` up to the first `;`; then for each '
        "piece `yield from parser.feed(piece)`.",
    ],
    "after": "The parser does no I/O, so the client around it is a dozen lines: ask, check status and type, feed, "
    "yield. The same parser would work behind a WebSocket, a file or an async client. What is checked before the loop "
    "decides which failures get a reason: without a look at the status a 401 is a stream with no events, and without "
    "one at the media type so is an HTML login page with status 200. And if no timeout is given, httpx's 5 seconds "
    "hold for each wait between events.",
}

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def message(data, event="message", id=""):
    return {"event": event, "data": data, "id": id}


@contextmanager
def parser_written(submission):
    """An SSEParser that is not finished is told as the reason; an answer may also do without one."""
    try:
        yield
    except NotImplementedError:
        if _parser_is_unfinished(submission):
            raise AssertionError("your SSEParser is not written yet: do that exercise first") from None
        raise


def _parser_is_unfinished(submission):
    try:
        parser = submission.SSEParser()
        parser.feed(b"data: x\n\n")
        parser.close()
    except NotImplementedError:
        return True
    except Exception:  # there is none, or it has a fault that its own exercise shows
        return False
    return False


@contextmanager
def kept_open():
    """What the server does meanwhile, for code that does not answer in time."""
    try:
        yield
    except Ended as error:
        if "no answer within" not in str(error):
            raise
        raise AssertionError(
            "the server has sent one complete event and keeps the connection open, and your generator has not "
            "yielded it. Does it read to the end, or wait for a fixed number of bytes, or for the next event?"
        ) from error


@points(1)
def test_yields_the_events(submission, peer):
    """The events of the answer come out in order, and the loop ends with the answer."""

    def handler(conn):
        conn.send(HEAD + b"data: a\n\nevent: token\nid: 7\ndata: b\n\ndata: c\n\n")
        conn.close()

    expected = [message("a"), message("b", "token", "7"), message("c", id="7")]
    with parser_written(submission):
        assert list(submission.stream_events(peer(handler))) == expected


@points(2)
@deadline(3)
def test_yields_an_event_before_the_next_is_sent(submission, peer):
    """Each event is yielded before the server sends the next one."""
    seen = [threading.Event() for _ in range(3)]

    def handler(conn):
        conn.send(HEAD)
        for number, event in enumerate(seen):
            conn.send(b"data: %d\n\n" % number)
            event.wait(8)
        conn.close()

    with parser_written(submission), kept_open():
        events = submission.stream_events(peer(handler))
        for number, event in enumerate(seen):
            assert next(events) == message(str(number))
            event.set()
    with pytest.raises(StopIteration):
        next(events)


@points(1)
def test_raises_for_any_status_but_200(submission, peer):
    """An answer with another status than 200 raises RuntimeError, and its message has the status."""
    for status in (401, 201):

        def handler(conn, status=status):
            conn.send(HEAD.replace(b"200 OK", b"%d No" % status) + b"data: a\n\n")
            conn.close()

        with pytest.raises(RuntimeError) as caught, parser_written(submission):
            next(submission.stream_events(peer(handler)))
        if isinstance(caught.value, NotImplementedError):
            raise caught.value
        assert re.search(str(status), str(caught.value)), f"the message of the error does not tell the status {status}"


@points(1)
def test_closes_the_connection_when_left_early(submission, peer):
    """Closing the generator closes the connection, although the server has not finished."""
    left = threading.Event()

    def handler(conn):
        conn.send(HEAD + b"data: a\n\n")
        if conn.wait_closed(2):
            left.set()

    with parser_written(submission), kept_open():
        events = submission.stream_events(peer(handler))
        assert next(events) == message("a")
    events.close()
    assert left.wait(3), "the server saw no end of the connection: it would go on generating"

"""Instructor-only checks of measure_stream."""

import pytest

from course_lib.grading import points, shorten_httpx_default

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TOKEN = b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'


def answering(*parts):
    """A handler that sends `parts` one after the other and closes."""

    def handler(conn):
        for part in parts:
            conn.send(part)
        conn.close()

    return handler


@points(1)
def test_other_lines_are_not_tokens(submission, peer):
    """Comments, other fields and blank lines are not tokens."""
    handler = answering(HEAD, b": ping\n\n", b"event: x\nid: 7\nretry: 10\n", TOKEN, b": data: x\n\n")
    got = submission.measure_stream(peer(handler))
    assert got["tokens"] == 1


@points(1)
def test_a_status_other_than_200_raises(submission, peer):
    """An answer other than 200 raises RuntimeError with the status in its message."""
    for status in (401, 503):
        body = b'{"error": {"message": "no"}}'
        head = f"HTTP/1.1 {status} Nope\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with pytest.raises(RuntimeError) as caught:
            submission.measure_stream(peer(answering(head.encode() + body)))
        assert str(status) in str(caught.value)


@points(1)
def test_an_empty_stream(submission, peer):
    """A stream without tokens is measured, too: `tokens` is 0, all else is None."""
    got = submission.measure_stream(peer(answering(HEAD)))
    assert got == {"tokens": 0, "ttft": None, "total": None, "gap_p50": None, "gap_p95": None}


@points(1)
def test_survives_a_silence(submission, peer):
    """A silence longer than the default read timeout of httpx does not end the measurement."""
    shorten_httpx_default(submission)

    def handler(conn):
        conn.send(HEAD + TOKEN)
        conn.wait_closed(0.6)
        conn.send(TOKEN)
        conn.close()

    got = submission.measure_stream(peer(handler))
    assert got["tokens"] == 2

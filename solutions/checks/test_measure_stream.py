"""Instructor-only checks of measure_stream."""

import pytest

from course_lib.grading import points, shorten_httpx_timeouts

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TOKEN = b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'


def answering(*parts):
    """A handler that sends `parts` one after the other and closes."""

    def handler(conn):
        for part in parts:
            conn.send(part)
        conn.close()

    return handler


def schedule(first, second):
    """A handler that sends its tokens after `first` and, later, `second` seconds, with other lines between."""

    def handler(conn):
        conn.send(HEAD + b": ping\n\n")
        conn.wait_closed(first)
        conn.send(b"event: x\nid: 7\nretry: 10\n" + TOKEN)
        conn.wait_closed(second / 2)
        conn.send(b": data: x\n\n")
        conn.wait_closed(second / 2)
        conn.send(TOKEN)
        conn.close()

    return handler


@points(1)
def test_other_lines_are_not_tokens(submission, peer, rng):
    """Comments, other fields and blank lines are neither counted nor timed."""
    # Two schedules that end at the same time, in an order that nobody can know: times that are made up from the end
    # of the answer fit one of them at most. A right client on a busy machine may see a token late, never early:
    # what it may get wrong is tried again with more time.
    for total in (0.4, 2.0):
        parts, late = [0.1, 0.85], False
        rng.shuffle(parts)
        for part in parts:
            got = submission.measure_stream(peer(schedule(total * part, total * (1 - part))))
            assert got["tokens"] == 2
            assert got["ttft"] >= total * part * 0.95
            late |= got["ttft"] > total * (part + 0.3)
        if not late:
            return
    raise AssertionError("the first token was timed when the answer was nearly over")


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
    """A silence, of up to a minute, does not end the measurement."""
    shorten_httpx_timeouts(submission, up_to=59)

    def handler(conn):
        conn.send(HEAD + TOKEN)
        conn.wait_closed(0.6)
        conn.send(TOKEN)
        conn.close()

    got = submission.measure_stream(peer(handler))
    assert got["tokens"] == 2

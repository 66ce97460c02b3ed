"""Visible checks of measure_stream."""

import json

from course_lib.grading import points

EXERCISE = {
    "lesson": "01_why_stream",
    "title": "Measure a real stream",
    "kind": "client",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": ["httpx"],
    "read": "lesson 01, 'A client that sees tokens arrive'",
    "hints": [
        "`client.post(...)` returns when the whole answer is there. "
        '`client.stream("POST", ...)` returns when the head is there.',
        "Take `time.perf_counter()` once before the request, "
        "and again for each line of `response.aiter_lines()` that counts.",
        "httpx gives up after 5 seconds of silence unless told otherwise: "
        "`httpx.AsyncClient(timeout=httpx.Timeout(10, read=60))`. Check `response.status_code` before you read lines.",
    ],
    "after": (
        "If yours also waits through a long silence and skips comments, it is the instrument of this course. "
        "A read timeout counts from one read of the socket to the next, not from the start: "
        "a stream that drips one byte every four seconds never meets the default of 5 s, "
        "and a model that is silent for six seconds before its first token always does "
        "(encode/httpx issues 411 and 1450). Lesson 10 builds the deadline that httpx does not have."
    ),
}

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TOKEN = b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
REFUSAL = b'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{"error": {"message": "nothing here"}}\n'


def excerpt(pieces):
    """What the server sent, as the verdict shows it."""
    times = [(piece.count(TOKEN), piece) for piece in pieces]
    return ", ".join(f"{count} times {TOKEN!r}" if count > 1 else repr(piece) for count, piece in times)


@points(1)
def test_sends_a_post_with_stream_true(submission, peer):
    """The request is a POST whose JSON body is {"stream": true}; an answer other than 200 raises RuntimeError."""
    seen = []

    def handler(conn):
        seen.append([conn.request.method, conn.request.body])
        conn.send(HEAD + TOKEN + DONE)
        conn.close()

    submission.measure_stream(peer(handler))
    assert [method for method, _ in seen] == ["POST"]
    assert json.loads(seen[0][1] or b"null") == {"stream": True}

    def refuse(conn):
        conn.send(REFUSAL)
        conn.close()

    raised, message = "no error", ""
    try:
        submission.measure_stream(peer(refuse))
    except RuntimeError as error:
        raised, message = "RuntimeError", str(error)
    assert raised == "RuntimeError", f"the server sent {REFUSAL!r}"
    assert "404" in message, f"the status belongs in the message of the error; the server sent {REFUSAL!r}"


@points(1)
def test_counts_tokens_and_not_the_marker(submission, peer):
    """Each `data:` line is one token, with or without a space, however it was cut; `data: [DONE]` is none."""
    for tokens, *pieces in (
        (1, TOKEN),
        (1, TOKEN + DONE),
        (1, b"data:{}\n\n", DONE),
        (20, 20 * TOKEN, DONE),
        (3, b"d", b"ata:{}\n\n", b"dat", b'a: {"a": 1}\n\n', b"data", b": 2\n\n", DONE),
    ):

        def handler(conn, pieces=pieces):
            conn.send(HEAD)
            for piece in pieces:
                conn.send(piece)
                if not piece.endswith(b"\n"):
                    conn.wait_closed(0.05)  # So that the half line is read by itself, most times at least.
            conn.close()

        got = submission.measure_stream(peer(handler))
        assert got["tokens"] == tokens, f"after the head the server sent {excerpt(pieces)}"


@points(1)
def test_times_a_token_when_it_arrives(submission, peer):
    """A token is timed when it arrives, not when the answer is complete: `ttft` is well below `total`."""
    # A right client on a busy machine may wake up late and then see both tokens at once.
    # Only a client that collects the answer does so however long the pause is, so the pause grows.
    for pause in (0.3, 0.8, 1.6):

        def handler(conn, pause=pause):
            conn.send(HEAD + TOKEN)
            conn.wait_closed(pause)
            conn.send(TOKEN)
            conn.close()

        got = submission.measure_stream(peer(handler))
        assert got["tokens"] == 2, f"after the head the server sent {excerpt([TOKEN, TOKEN])}, {pause} s apart"
        apart = got["total"] - got["ttft"]
        if apart >= pause / 2:
            break
    assert apart >= pause / 2, f"the server sent {TOKEN!r} twice, {pause} s apart; your times are {apart:.3f} s apart"
    assert abs(got["gap_p50"] - apart) < 1e-6, "two tokens have one gap: total minus ttft"


@points(1)
def test_the_clock_starts_before_the_request(submission, peer):
    """The time to first token includes the wait for the head of the answer, on a monotonic clock."""
    wait = 0.2

    def handler(conn):
        conn.wait_closed(wait)
        conn.send(HEAD + TOKEN)
        conn.wait_closed(0.01)
        conn.send(TOKEN)
        conn.close()

    got = submission.measure_stream(peer(handler))
    # Only a lower bound: a slow machine makes the time longer, never shorter.
    assert got["ttft"] >= wait * 0.9, f"the server sent {HEAD + TOKEN!r} after {wait} s, `ttft` is {got['ttft']:.3f} s"
    # time.time() is so large a float that it moves in steps of 2**-22 s; differences of a monotonic clock fall between.
    steps = [seconds * 2**22 for name, seconds in got.items() if name != "tokens"]
    assert not all(step.is_integer() for step in steps), "the times come from `time.time()`, which is not monotonic"

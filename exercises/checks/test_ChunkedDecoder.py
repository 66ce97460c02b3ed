"""Visible checks of ChunkedDecoder."""

import pytest

from course_lib.grading import points

EXERCISE = {
    "lesson": "02_bytes_on_the_wire",
    "title": "Decode chunked framing, however it is cut",
    "kind": "object",
    "difficulty": 3,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 02, 'A decoder that survives any cut'",
    "hints": [
        "Name the states: size line, data, line end after the data, trailers, done. Which bytes end each of them?",
        'In the state "data" a counter of missing bytes is enough: what is there goes out at once. '
        "Only an unfinished line has to be remembered.",
        "Never search or copy the whole buffer again. Walk through `data` with a position, and keep the unfinished "
        "line in a `bytearray` until its LF comes.",
    ],
    "after": (
        "Every HTTP client on this machine has such a decoder underneath. Two of its rules have cost others real "
        "trouble. Readers that wait for whole lines or whole chunks run into their own limits "
        "(aio-libs/aiohttp issue 4453). And buffers that are searched or copied again on every read are quadratic: "
        "one 8 MiB event took 70.5 s before the repair and 0.18 s after it (Soju06/codex-lb pull 1242). "
        "Refusing `0x10` and `+5` is no pedantry: two programs on the way that disagree about one size also disagree "
        "about where the next message begins."
    ),
}

# What is on the wire, and how many bytes of the body are known after each byte of it
PARTS = [(b"5\r\n", False), (b"Hello", True), (b"\r\n2\r\n", False), (b" w", True), (b"\r\n0\r\n\r\n", False)]
WIRE = b"".join(part for part, _ in PARTS)
IS_BODY = [is_body for part, is_body in PARTS for _ in part]
BODY = b"Hello w"


@points(1)
def test_a_whole_body(submission):
    """A body of one chunk comes out, and the zero chunk ends it."""
    decoder = submission.ChunkedDecoder()
    assert decoder.done == False  # noqa: E712 - compared with its type
    assert decoder.feed(b"1\r\na\r\n0\r\n\r\n") == b"a"
    assert decoder.done == True  # noqa: E712
    assert decoder.rest == b""
    assert decoder.close() is None


@points(1)
def test_two_chunks(submission):
    """Chunks are joined without a seam; CR, LF and digits inside the data are data."""
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b"2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n") == b"Hello"
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b"5\r\na\r\n0\r\r\n3\r\n\r\nb\r\n0\r\n\r\n") == b"a\r\n0\r\r\nb"
    assert decoder.done == True  # noqa: E712


@points(1)
def test_every_cut_in_two(submission):
    """Wherever the bytes are cut in two, each read gives at once the body bytes that it holds."""
    for cut in range(len(WIRE) + 1):
        known = sum(IS_BODY[:cut])
        decoder = submission.ChunkedDecoder()
        assert decoder.feed(WIRE[:cut]) == BODY[:known], f"the read ends after byte {cut} of {WIRE!r}"
        assert decoder.feed(WIRE[cut:]) == BODY[known:], f"the second read begins after byte {cut} of {WIRE!r}"
        assert decoder.done == True  # noqa: E712


@points(1)
def test_closing_too_early(submission):
    """`close()` before the end raises EOFError: before the first byte, between two chunks, after a trailer line."""
    for wire in [WIRE[:size] for size in (0, 6, 10, len(WIRE) - 5, len(WIRE) - 1)] + [b"0\r\nX-Sum: 1\r\n"]:
        decoder = submission.ChunkedDecoder()
        decoder.feed(wire)
        with pytest.raises(EOFError):
            decoder.close()


@points(1)
def test_hexadecimal_in_both_cases(submission):
    """The size is hexadecimal, in lower or upper case, and may have leading zeros."""
    for line, size in ((b"a", 10), (b"A", 10), (b"1F", 31), (b"1f", 31), (b"000b", 11), (b"10", 16)):
        decoder = submission.ChunkedDecoder()
        assert decoder.feed(line + b"\r\n" + b"x" * size + b"\r\n0\r\n\r\n") == b"x" * size
        assert decoder.done == True  # noqa: E712

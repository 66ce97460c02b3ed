"""Instructor-only checks of ChunkedDecoder."""

import h11
import pytest

from course_lib.grading import deadline, each, points


@points(1)
def test_extensions_and_trailers(submission):
    """Extensions after `;` and trailer lines after the zero chunk are skipped."""
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b'2;a\r\nab\r\n3;b=c;d="5"\r\ncde\r\n0;end\r\n\r\n') == b"abcde"
    assert decoder.done == True  # noqa: E712
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b"1\r\na\r\n0\r\nX-Sum: 1\r\n") == b"a"
    assert decoder.done == False, "a trailer line has come, the empty line not yet"  # noqa: E712
    assert decoder.feed(b"X-Other: 2\r\n\r") == b""
    assert decoder.done == False, "the LF of the empty line is missing"  # noqa: E712
    with pytest.raises(EOFError):
        decoder.close()
    assert decoder.feed(b"\nnext") == b""
    assert decoder.done == True  # noqa: E712
    assert decoder.rest == b"next"


@points(1)
def test_what_follows_goes_to_rest(submission):
    """Bytes after the end are no body: they are collected in `rest`, also from later reads."""
    decoder = submission.ChunkedDecoder()
    assert decoder.rest == b""
    assert decoder.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200") == b"a"
    assert decoder.rest == b"HTTP/1.1 200"
    assert decoder.feed(b" OK\r\n\r\n") == b""
    assert decoder.feed(b"") == b""
    assert decoder.feed(b"1\r\nb\r\n") == b""
    assert decoder.rest == b"HTTP/1.1 200 OK\r\n\r\n1\r\nb\r\n"
    assert decoder.close() is None


@points(1)
def test_what_is_no_size_raises(submission):
    """A size line that does not begin with plain hexadecimal digits, or ends with LF alone, raises ValueError."""
    for line in (b"", b"g", b"xyz", b"0x10", b"+5", b"-1", b"1_0", b" 5", b";a", b"5.0", b"5 5", b"\xef\xbc\x95"):
        decoder = submission.ChunkedDecoder()
        with pytest.raises(ValueError):
            decoder.feed(line + b"\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n")
    decoder = submission.ChunkedDecoder()
    with pytest.raises(ValueError):
        decoder.feed(b"3\nabc\r\n0\r\n\r\n")


@points(1)
def test_size_lines_are_bounded(submission):
    """Size lines of up to 256 bytes and sizes of up to 16 digits are accepted; longer ones raise ValueError."""
    for line in (b"3;" + b"a" * 254, b"0000000000000003"):
        decoder = submission.ChunkedDecoder()
        assert decoder.feed(line + b"\r\nabc\r\n0\r\n\r\n") == b"abc"
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b"ffffffffffffffff\r\nabc") == b"abc"
    for line in (b"00000000000000003", b"0" * 40 + b"3", b"3;" + b"a" * 255):
        decoder = submission.ChunkedDecoder()
        with pytest.raises(ValueError):
            decoder.feed(line + b"\r\nabc\r\n0\r\n\r\n")
    decoder = submission.ChunkedDecoder()
    with pytest.raises(ValueError):
        each(decoder.feed, [b"3"] + [b";ab"] * 1000)  # the line never ends


@points(1)
def test_data_must_be_followed_by_crlf(submission):
    """The two bytes after the data of a chunk are CR and LF; anything else raises ValueError."""
    for end in (b"XX", b"0\r", b"\r0", b"\n0", b"\r\r", b"\n\r"):
        decoder = submission.ChunkedDecoder()
        with pytest.raises(ValueError):
            decoder.feed(b"3\r\nabc" + end)
    decoder = submission.ChunkedDecoder()
    assert decoder.feed(b"3\r\nabc\r") == b"abc"
    with pytest.raises(ValueError):
        decoder.feed(b"X")


@deadline(4)
@points(1)
def test_work_is_linear(submission):
    """The work is linear: 20,000 tiny chunks before a large one, all in one read, then 10,000 reads of one byte."""
    # A linear program needs tenths of a second. One that copies or searches on every chunk or read what it
    # has not used yet, or what it has seen before, moves hundreds of gigabytes.
    large = 6_000_000
    decoder = submission.ChunkedDecoder()
    got = decoder.feed(b"1\r\nx\r\n" * 20_000 + b"5b8d80\r\n" + b"y" * large)
    assert len(got) == 20_000 + large
    assert decoder.feed(b"\r\n2710\r\n") == b""
    assert each(decoder.feed, [b"z"] * 10_000) == [b"z"] * 10_000
    short = b"1f4\r\n" + b"z" * 500 + b"\r\n"
    assert decoder.feed(b"\r\n") == b""
    got = each(decoder.feed, [short[i : i + 1] for i in range(len(short))] * 20)
    assert b"".join(got) == b"z" * 10_000


@points(1)
def test_agrees_with_h11(submission, rng):
    """On seeded random bodies, cut at random places, every read gives what h11 gives."""
    for _ in range(60):
        wire, body, rest = random_message(rng)
        cuts = sorted(rng.choices(range(len(wire) + 1), k=rng.choice((0, 1, 3, 10, len(wire)))))
        pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
        decoder = submission.ChunkedDecoder()
        got = each(decoder.feed, pieces)
        assert b"".join(got) == body
        assert got == h11_reads(pieces)
        assert decoder.done == True  # noqa: E712
        assert decoder.rest == rest


def random_message(rng):
    """Bytes of a chunked body with extensions and trailers, the body alone, and what follows it."""
    wire, body = [], []
    for _ in range(rng.randrange(6)):
        data = bytes(rng.choice(b"\r\n0a;\xc3\xa9 ") for _ in range(rng.randrange(1, 40)))
        line = rng.choice(("{:x}", "{:X}", "00{:x}")).format(len(data)).encode()
        wire += [line, rng.choice((b"", b"", b";a", b";a=1;b=2")), b"\r\n", data, b"\r\n"]
        body.append(data)
    wire += [rng.choice((b"0\r\n", b"000\r\n", b"0;last\r\n")), rng.choice((b"", b"X-Sum: 1\r\n")), b"\r\n"]
    rest = rng.choice((b"", b"HTTP/1.1 200 OK\r\n", b"\r\n0\r\n\r\n"))
    return b"".join([*wire, rest]), b"".join(body), rest


def h11_reads(pieces):
    """The body bytes that h11 makes of each piece."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    client.next_event()
    reads = []
    for piece in pieces:
        read = b""
        if piece:  # h11 takes no bytes for the end of the connection
            client.receive_data(piece)
            while type(event := client.next_event()) is h11.Data:
                read += bytes(event.data)
        reads.append(read)
    return reads

"""The chunked coding: what is accepted, what is refused, where a truncation was, and h11 as a second opinion."""

import h11
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire.chunked import LAST_CHUNK, MAX_TRAILERS, ChunkedDecoder, encode_chunk
from tests.strategies import chunked_bodies, cuts


def decode(*pieces: bytes) -> bytes:
    decoder = ChunkedDecoder()
    body = b"".join(piece for data in pieces for piece in decoder.feed(data))
    decoder.close()
    return body


def decode_with_h11(wire: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    """Body and trailers; raises h11.RemoteProtocolError."""
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=10**6)
    peer.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + wire)
    peer.receive_data(b"")
    body = b""
    while not isinstance(event := peer.next_event(), h11.EndOfMessage):
        body += bytes(event.data) if isinstance(event, h11.Data) else b""
    return body, [(name.decode(), value.decode("latin-1")) for name, value in event.headers]


@given(chunked_bodies(), st.data())
def test_a_body_comes_back_whatever_the_cuts(drawn, data):
    wire, body, trailers = drawn
    decoder = ChunkedDecoder()
    pieces = [piece for part in data.draw(cuts(wire + b"next")) for piece in decoder.feed(part)]
    assert b"".join(pieces) == body
    assert (decoder.done, decoder.rest, tuple(decoder.trailers)) == (True, b"next", trailers)


@given(chunked_bodies())
def test_h11_reads_the_same(drawn):
    wire, body, trailers = drawn
    assert decode_with_h11(wire) == (body, list(trailers))


@given(chunked_bodies(), st.data())
def test_what_we_accept_after_a_random_edit_h11_accepts_with_the_same_meaning(drawn, data):
    wire = drawn[0]
    place = data.draw(st.integers(0, len(wire) - 1))
    edited = (
        wire[:place]
        + data.draw(st.sampled_from([b"", b"\n", b"\r", b" ", b";", b"0", b"g", b"\0"]))
        + wire[place + 1 :]
    )
    decoder = ChunkedDecoder()
    try:
        body = b"".join(decoder.feed(edited))
        decoder.close()
    except WireError:
        return
    assume(b" ;" not in edited and b"\t;" not in edited)  # allowed by RFC 9112 section 7.1.1, refused by h11
    assert decode_with_h11(edited) == (body, decoder.trailers)


@given(st.lists(st.binary(max_size=300)))
def test_what_is_encoded_comes_back(pieces):
    assert decode(*map(encode_chunk, pieces), LAST_CHUNK) == b"".join(pieces)


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"hello", b"5\r\nhello\r\n"),
        ("Hé".encode(), b"3\r\nH\xc3\xa9\r\n"),
        (b"\r\n", b"2\r\n\r\n\r\n"),
        (b"x" * 256, b"100\r\n" + b"x" * 256 + b"\r\n"),
        (b"", b""),
        (bytearray(b"a"), b"1\r\na\r\n"),
    ],
)
def test_a_chunk_on_the_wire(data, wire):
    assert encode_chunk(data) == wire


def test_text_cannot_be_a_chunk():
    with pytest.raises(MisuseError, match="str"):
        encode_chunk("text")


def test_bytes_are_handed_on_before_their_chunk_is_complete():
    decoder = ChunkedDecoder()
    assert decoder.feed(b"a\r\nhel") == [b"hel"]
    assert decoder.feed(b"lo") == [b"lo"]
    assert decoder.feed(b"12345\r\n1\r\n!") == [b"12345", b"!"]


@pytest.mark.parametrize(
    "size",
    [b"5", b"05", b"0000000000000005", b"5;", b"5;x", b"5;x=1;y", b'5 ; x = "a;b"', b"5\t", b"5  ", b"5;\xe9"],
)
def test_sizes_that_are_accepted(size):
    assert decode(size + b"\r\nhello\r\n0\r\n\r\n") == b"hello"
    assert decode(b"A\r\n0123456789\r\n" + LAST_CHUNK) == decode(b"a\r\n0123456789\r\n" + LAST_CHUNK)


@pytest.mark.parametrize(
    "size",
    [
        *(
            b"",
            b" 5",
            b"0x5",
            b"+5",
            b"-5",
            b"1_0",
            b"5h",
            b"g",
            b"5 5",
            b"5\r",
            b"5,",
            b"5.0",
            b"\xb2",
            b"\xef\xbc\x95",
        ),
        *(b"00000000000000005", b"f" * 17, b"5;\0", b"5;a\rb", b"5\x0b", b"5\0"),
    ],
)
def test_sizes_that_are_refused(size):
    with pytest.raises(WireError, match="16 hexadecimal digits"):
        ChunkedDecoder().feed(size + b"\r\nhello\r\n0\r\n\r\n")


def test_the_largest_size_is_no_reason_to_allocate():
    decoder = ChunkedDecoder()
    assert decoder.feed(b"f" * 16 + b"\r\nabc") == [b"abc"]
    with pytest.raises(WireError, match="18,446,744,073,709,551,612 bytes of it missing"):
        decoder.close()


@pytest.mark.parametrize("wire", [b"5\nhello\r\n0\r\n\r\n", b"0\n\r\n", b"0\r\n\n", b"0\r\na: b\n\r\n"])
def test_a_bare_line_feed_ends_no_line_of_the_framing(wire):
    with pytest.raises(WireError, match="CRLF"):
        ChunkedDecoder().feed(wire)


@pytest.mark.parametrize(
    "wire", [b"5\r\nhelloX", b"5\r\nhello\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello\rX", b"5\r\nhello\r\r"]
)
def test_data_without_its_line_end_is_refused_at_the_first_wrong_byte(wire):
    decoder = ChunkedDecoder()
    with pytest.raises(WireError, match="CRLF must follow") as raised:
        decoder.feed(wire)
    assert raised.value.finished == (b"hello",)


@pytest.mark.parametrize("start", [b"", b"0\r\n"], ids=["size", "trailer"])
def test_a_line_has_a_limit_and_its_end_does_not_count(start):
    line = b"5;" + b"x" * 254 if not start else b"a: " + b"x" * 253
    for end in (b"\r\n", b"\r", b""):
        ChunkedDecoder().feed(start + line + end)
    for wire in (line + b"x", line + b"\rx", line + b"x\r\n", line + b"x\n", line + b" ", line + b" \r\n"):
        with pytest.raises(LimitExceeded, match="256"):
            ChunkedDecoder().feed(start + wire)


def test_trailers_are_kept_in_order_and_are_limited_in_number():
    decoder = ChunkedDecoder()
    decoder.feed(b"0\r\nX-Sum: 1\r\nx-sum:\t2 \r\n\r\n")
    assert decoder.trailers == [("x-sum", "1"), ("x-sum", "2")]
    ChunkedDecoder().feed(b"0\r\n" + b"a: b\r\n" * MAX_TRAILERS + b"\r\n")
    with pytest.raises(LimitExceeded, match="trailer"):
        ChunkedDecoder().feed(b"0\r\n" + b"a: b\r\n" * (MAX_TRAILERS + 1))


@pytest.mark.parametrize("trailer", [b"no colon", b"a : b", b" folded: x", b"a: \0", b": x"])
def test_a_trailer_that_is_no_field_is_refused(trailer):
    with pytest.raises(WireError, match="header field"):
        ChunkedDecoder().feed(b"0\r\n" + trailer + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("wire", "where"),
    [
        (b"", "size line"),
        (b"5", "size line"),
        (b"5\r\nhel", "inside the data of a chunk, 2 bytes of it missing"),
        (b"5\r\nhello", "right behind the data"),
        (b"5\r\nhello\r", "in its line end"),
        (b"5\r\nhello\r\n", "size line"),
        (b"0\r\n", "trailers"),
        (b"0\r\na: b\r\n\r", "trailers"),
    ],
)
def test_an_early_end_is_a_truncation_and_the_error_says_where(wire, where):
    decoder = ChunkedDecoder()
    decoder.feed(wire)
    assert not decoder.done
    with pytest.raises(WireError, match=f"truncated: it ended .*{where}"):
        decoder.close()

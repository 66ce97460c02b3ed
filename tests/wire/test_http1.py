"""Heads of messages: what is accepted, what is refused, how a body ends, and h11 as a second opinion."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire.http1 import MAX_HEAD_SIZE, HeadDecoder, RequestHead, ResponseHead, body_framing, encode_head
from tests.strategies import cuts, request_heads, response_heads


def decode(*pieces: bytes) -> ResponseHead | RequestHead:
    decoder = HeadDecoder()
    heads = [head for piece in pieces for head in decoder.feed(piece)]
    decoder.close()
    assert len(heads) == decoder.done == 1
    return heads[0]


def response(*fields: tuple[str, str], status: int = 200, version: str = "1.1") -> ResponseHead:
    return ResponseHead(status, "", version, fields)


def request(*fields: tuple[str, str], method: str = "POST") -> RequestHead:
    return RequestHead(method, "/", "1.1", fields)


def decode_with_h11(wire: bytes) -> ResponseHead | RequestHead:
    """Raises h11.RemoteProtocolError."""
    peer = h11.Connection(h11.CLIENT if wire.startswith(b"HTTP/") else h11.SERVER)
    peer.receive_data(wire)
    event = peer.next_event()
    version, fields = event.http_version.decode(), tuple((n.decode(), v.decode("latin-1")) for n, v in event.headers)
    if isinstance(event, h11.Request):
        return RequestHead(event.method.decode(), event.target.decode(), version, fields)
    return ResponseHead(event.status_code, event.reason.decode("latin-1"), version, fields)


@given(response_heads() | request_heads(), st.data())
def test_what_is_encoded_comes_back_whatever_the_cuts(head, data):
    assert decode(*data.draw(cuts(encode_head(head)))) == head


@given(response_heads() | request_heads())
def test_h11_reads_the_same(head):
    assert decode_with_h11(encode_head(head)) == head


@given(response_heads() | request_heads(), st.data())
def test_what_we_accept_after_a_random_edit_h11_accepts_with_the_same_meaning(head, data):
    wire = encode_head(head)
    place = data.draw(st.integers(1, len(wire) - 1))
    junk = st.sampled_from([b"", b"\n", b"\r", b" ", b":", b"\r\n ", b"\0", b"\t", b"\x7f", b"9", b"Z"])
    edited = wire[:place] + data.draw(junk) + wire[place + data.draw(st.integers(0, 1)) :]
    try:
        heads = HeadDecoder().feed(edited)
    except WireError:
        return
    if heads and (isinstance(head, ResponseHead) or heads[0].get("host") is not None):  # h11 insists on Host
        assert heads == [decode_with_h11(edited)]


def test_names_are_lower_case_order_and_repeats_stay_and_spaces_around_values_go():
    head = decode(b"HTTP/1.1 200 OK\r\nB: 1\r\nSet-Cookie: x=1, y\r\na:\t 2 : 3 \t\r\nSET-COOKIE:z\r\nempty:\r\n\r\n")
    assert head.headers == (
        *(("b", "1"), ("set-cookie", "x=1, y"), ("a", "2 : 3"), ("set-cookie", "z"), ("empty", "")),
    )
    assert (head.get("Set-Cookie"), head.get("EMPTY"), head.get("none")) == ("x=1, y, z", "", None)


@pytest.mark.parametrize(
    ("line", "status", "reason", "version"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK", "1.1"),
        (b"HTTP/1.0 404 Not Found", 404, "Not Found", "1.0"),
        (b"HTTP/1.1 204 ", 204, "", "1.1"),
        (b"HTTP/1.1 204", 204, "", "1.1"),
        (b"HTTP/1.1 500 caf\xe9\t!", 500, "café\t!", "1.1"),
        (b"HTTP/1.1 999 x", 999, "x", "1.1"),
    ],
)
def test_status_lines(line, status, reason, version):
    assert decode(line + b"\r\n\r\n") == ResponseHead(status, reason, version)


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 +20 x",
            b"HTTP/2 200",
            b"HTTP/2.0 200 OK",
        ),
        *(
            b"http/1.1 200 OK",
            b"HTTP/1.1 200 a\0b",
            b"HTTP/1.1 099 x",
            b"HTTP/1.1",
            b"ICY 200 OK",
            b"HTTP/1.1 2\xb20 x",
        ),
        *(b"GET /", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"GET / b HTTP/1.1", b"G(T / HTTP/1.1"),
        *(b"GET /\xe9 HTTP/1.1", b"GET / HTTP/3.0", b"PRI * HTTP/2.0", b"\x16\x03\x01", b"GET\t/ HTTP/1.1", b"a: b"),
    ],
)
def test_first_lines_that_are_refused(line):
    with pytest.raises(WireError, match="first line of a message"):
        HeadDecoder().feed(line + b"\r\n\r\n")


def test_request_lines():
    assert decode(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == RequestHead("OPTIONS", "*", "1.1", (("host", "a"),))


def test_a_bare_line_feed_ends_a_line_of_a_head_and_empty_lines_before_it_are_skipped():
    assert decode(b"\r\n\n\r\nGET / HTTP/1.1\na: b\r\n\n") == RequestHead("GET", "/", "1.1", (("a", "b"),))


@pytest.mark.parametrize(
    "field",
    [
        b"a : b",
        b"a\t: b",
        b": b",
        b"a",
        b"a b: c",
        b"\xe9: x",
        b"a: \0",
        b"a: b\rc",
        b"a: b\r",
        b"a: b\x0b",
        b"a: \x1b[31m",
        b"a: \x7f",
        b"(a): b",
    ],
)
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK", b"GET / HTTP/1.1"])
def test_fields_that_are_refused(start, field):
    with pytest.raises(WireError, match="header field"):
        HeadDecoder().feed(start + b"\r\nok: 1\r\n" + field + b"\r\n\r\n")


def test_a_folded_field_is_unfolded_in_a_response_and_refused_in_a_request():
    folded = b"\r\na: b\r\n  c\n\td\r\n\r\n"
    assert decode(b"HTTP/1.1 200 OK" + folded).headers == (("a", "b c d"),)
    with pytest.raises(WireError, match="folded"):
        HeadDecoder().feed(b"GET / HTTP/1.1" + folded)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK", b"GET / HTTP/1.1"])
def test_a_space_at_the_start_of_the_first_field_is_refused(start):
    with pytest.raises(WireError, match="begins with a space"):
        HeadDecoder().feed(start + b"\r\n a: b\r\n\r\n")


def test_the_size_limit_counts_the_whole_head_and_the_empty_lines_before_it():
    exact = b"GET / HTTP/1.1\r\na: "
    exact += b"x" * (MAX_HEAD_SIZE - len(exact) - 4) + b"\r\n\r\n"
    assert decode(exact + b"body" * 100_000).get("a") is not None
    for wire in (exact.replace(b"a: x", b"a: xx"), exact[:-4] + b"xxxxx", b"\r\n" * MAX_HEAD_SIZE, b"\r\n" + exact):
        with pytest.raises(LimitExceeded, match="65,536"):
            HeadDecoder().feed(wire)


def test_an_end_before_the_first_byte_is_no_error_and_a_later_one_is_a_truncation():
    HeadDecoder().close()
    decoder = HeadDecoder()
    decoder.feed(b"HTTP/1.1 200 OK\r\na: b\r\n")
    with pytest.raises(WireError, match="inside the head of a message, after 23 bytes"):
        decoder.close()


def test_heads_are_frozen_and_print_as_one_line():
    assert str(response(("a", "b"), ("c", "d"))) == "HTTP/1.1 200  | a: b | c: d"
    assert str(RequestHead("GET", "/x")) == "GET /x HTTP/1.1"
    for head in (response(), request()):
        with pytest.raises(AttributeError):
            head.version = "1.0"


@pytest.mark.parametrize(
    "head",
    [
        *(response(("a", "b\r\nc: d")), response(("a", " b")), response(("a b", "c")), response(("a", "€"))),
        *(response(("", "x")), ResponseHead(20), ResponseHead(200, "a\nb"), RequestHead("GET", "/a b")),
        *(RequestHead("GET /", "/"), RequestHead("GET", "/ HTTP/1.1\r\nx:"), RequestHead("", "/"), response(("a", 5))),
        *(response(version="2"), response(("a", "b\r\n\r\nHTTP/1.1 200 OK")), response(("a", "b\n c"))),
    ],
    ids=repr,
)
def test_a_head_that_would_not_come_back_is_not_sent(head):
    with pytest.raises(MisuseError, match="head"):
        encode_head(head)


def test_names_are_sent_as_they_are_written():
    assert encode_head(ResponseHead(200, "OK", "1.1", [("X-A", "1")])) == b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n"


CHUNKED, LENGTH = ("transfer-encoding", "chunked"), ("content-length", "5")


@pytest.mark.parametrize(
    ("head", "method", "framing"),
    [
        (response(LENGTH), "GET", ("length", 5)),
        (response(("Content-Length", "0")), "GET", ("length", 0)),
        (response(LENGTH, LENGTH), "GET", ("length", 5)),
        (response(("content-length", "5, 5")), "GET", ("length", 5)),
        (response(CHUNKED), "GET", ("chunked", None)),
        (response(("transfer-encoding", "gzip, Chunked")), "GET", ("chunked", None)),
        (response(("transfer-encoding", "gzip"), CHUNKED), "GET", ("chunked", None)),
        (response(("transfer-encoding", "gzip")), "GET", ("close", None)),
        (response(CHUNKED, LENGTH), "GET", ("chunked", None)),
        (response(), "GET", ("close", None)),
        (response(version="1.0"), "GET", ("close", None)),
        (response(LENGTH), "HEAD", ("none", None)),
        (response(CHUNKED, status=204), "GET", ("none", None)),
        (response(LENGTH, status=304), "GET", ("none", None)),
        (response(status=100), "GET", ("none", None)),
        (response(LENGTH, status=200), "CONNECT", ("none", None)),
        (response(LENGTH, status=403), "CONNECT", ("length", 5)),
        (request(), "GET", ("none", None)),
        (request(LENGTH), "GET", ("length", 5)),
        (request(CHUNKED), "GET", ("chunked", None)),
    ],
)
def test_how_a_body_ends(head, method, framing):
    assert body_framing(head, method=method) == framing


@pytest.mark.parametrize(
    "head",
    [
        *(
            response(("content-length", value))
            for value in ("+5", "-1", "5_0", "0x5", "", "5, 6", "5,", "1.5", "٥", "9" * 20)
        ),
        *(response(LENGTH, ("content-length", "6")), request(CHUNKED, LENGTH), request(("transfer-encoding", "gzip"))),
        *(
            request(CHUNKED, CHUNKED),
            response(("transfer-encoding", "chunked, gzip")),
            request(("transfer-encoding", "")),
        ),
        *(response(CHUNKED, version="1.0"), response(("transfer-encoding", "chunked, chunked"))),
    ],
    ids=str,
)
def test_framings_that_two_readers_could_read_differently_are_refused(head):
    with pytest.raises(WireError, match=r"close the connection|Refuse"):
        body_framing(head)

"""Hypothesis strategies of the whole test suite: streams, bodies, heads, and ways to cut them.

Rule: what is drawn is likely to hurt. Line ends, marks, broken characters and almost-fields come often, so that a
hundred examples meet the corners that random bytes would not meet in a million.
"""

from hypothesis import settings
from hypothesis import strategies as st

from course_lib.wire.http1 import RequestHead, ResponseHead
from course_lib.wire.http2 import TYPES

# No deadline: nothing here may depend on how busy the machine is.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

SSE_FRAGMENTS = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"data: ", b"data:", b"data", b"\n\ndata: "),
    *(b"event: ", b"event:", b"id: ", b"id", b"retry: ", b"retry:", b": ping", b":", b" ", b"\t", b"x", b"7", b"1500"),
    *(b"\xef\xbb\xbf", b"\xef\xbb", b"\xbf", b"\xff", b"\xe2\x82", b"\xac", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\0"),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x0c", b'{"a": 1}', b"datax: 1", b" data: 1", b"data: plain\n\n"),
]


def sse_streams() -> st.SearchStrategy[bytes]:
    """Bytes that a hostile or careless server of events might send."""
    return st.lists(st.sampled_from(SSE_FRAGMENTS) | st.binary(max_size=3), max_size=30).map(b"".join)


def text(**limits: object) -> st.SearchStrategy[str]:
    """Any text that UTF-8 can carry, with line ends and their lookalikes more often than by chance."""
    alphabet = st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r\0\u2028\x85\x0b :\ufeff")
    return st.text(alphabet, **limits)


def one_line(**limits: object) -> st.SearchStrategy[str]:
    """Text without CR, LF and NUL."""
    return text(**limits).map(lambda value: "".join(c for c in value if c not in "\r\n\0"))


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def http2_frame(kind: str | int, payload: bytes = b"", stream: int = 0, flags: int = 0) -> bytes:
    """One frame of HTTP/2, written by hand (RFC 9113, section 4.1); kind: its name or number."""
    number = TYPES.index(kind) if isinstance(kind, str) else kind
    return len(payload).to_bytes(3) + bytes([number, flags]) + stream.to_bytes(4) + payload


def tokens() -> st.SearchStrategy[str]:
    return st.text("abcXYZ019-_.!", min_size=1, max_size=8)


def field_values() -> st.SearchStrategy[str]:
    """Visible ASCII, obs-text and inner spaces; nothing that a reader would strip."""
    alphabet = [chr(code) for code in (*range(0x20, 0x7F), 0x09, *range(0x80, 0x100))]
    return st.text(alphabet, max_size=20).map(lambda value: value.strip(" \t"))


def headers() -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Fields in any order, with repeats; their names start with x- and so mean nothing to anybody."""
    names = tokens().map(lambda name: f"x-{name.lower()}")
    return st.lists(st.tuples(names, field_values()), max_size=5).map(tuple)


def response_heads() -> st.SearchStrategy[ResponseHead]:
    return st.builds(
        ResponseHead,
        status=st.integers(200, 599),
        reason=field_values(),
        version=st.sampled_from(["1.0", "1.1"]),
        headers=headers(),
    )


def request_heads() -> st.SearchStrategy[RequestHead]:
    return st.builds(
        RequestHead,
        method=tokens(),
        target=st.text([chr(code) for code in range(0x21, 0x7F)], min_size=1, max_size=20),
        version=st.sampled_from(["1.0", "1.1"]),
        headers=headers().map(lambda fields: (("host", "localhost"), *fields)),
    )


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, tuple[tuple[str, str], ...]]:
    """(bytes on the wire, the body they carry, its trailers), written by hand and not by our encoder."""
    pieces = draw(st.lists(st.binary(min_size=1, max_size=40) | st.just(b"\r\n0\r\n\r\n"), max_size=5))
    wire = b""
    for piece in pieces:
        size = draw(st.sampled_from(["%x", "%X", "%04x", "00%X"])) % len(piece)
        extension = draw(st.sampled_from(["", ";", ";a", ";a=1;b", '; a = "x, y"', ";\x80", " ", "\t "]))
        wire += size.encode() + extension.encode("latin-1") + b"\r\n" + piece + b"\r\n"
    trailers = draw(headers())
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return (
        wire + draw(st.sampled_from([b"0", b"000", b"0;x"])) + b"\r\n" + lines.encode("latin-1") + b"\r\n",
        b"".join(pieces),
        trailers,
    )

"""What all decoders have in common, one test per clause of the contract in `course_lib.wire`.

A new codec is one entry of CODECS, and one of LONG_STREAMS for each way in which a stream of it can be long.
"""

import ast
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import course_lib.wire
from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire import MAX_REST, Decoder, FramedDecoder
from course_lib.wire.chunked import ChunkedDecoder
from course_lib.wire.http1 import HeadDecoder
from course_lib.wire.http2 import FrameDecoder
from course_lib.wire.sse import SSEDecoder
from course_lib.wire.websocket import WebSocketDecoder
from tests.strategies import SSE_FRAGMENTS, cuts, http2_frame


@dataclass(frozen=True)
class Codec:
    """A decoder, the name of its limit, which is its first argument, and a value of it that the examples reach; a good
    stream of one value, one that is a byte too long, and what its streams are made of.
    """

    make: Any
    limit: str
    small: int
    good: bytes
    too_long: bytes
    fragments: list[bytes]

    def limited(self) -> Any:
        return self.make(self.small)

    def __repr__(self) -> str:
        return self.make.__name__


HEAD_FRAGMENTS = [
    *(b"HTTP/1.1 200 OK\r\n", b"GET / HTTP/1.1\r\n", b"\r\n", b"\n", b"\r", b"a: b", b"\r\n c", b"x : y", b":", b"\0"),
    *(b"GET /x HTTP/1.0\n\n", b"HTTP/1.1 204 \r\n\r\n", b"a:\t1\t\r\n", b"caf\xe9: 1\r\n", b"HTTP/2", b"x" * 40),
]
CHUNKED_FRAGMENTS = [
    *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\n", b"\r\n", b"\n", b"\r", b"a;x=1\r\n", b"0x10\r\n", b"+5\r\n", b"1_0"),
    *(
        b"3 ;q\r\nabc\r\n",
        b"A: b\r\n",
        b"A : b\r\n",
        b"f" * 17,
        b"y" * 40,
        b";",
        b"\0",
        b"1\r\nz\r\n",
        b"2\r\n\xc3\xa9\r\n",
    ),
]
SETTINGS = http2_frame("SETTINGS")
FRAME_FRAGMENTS = [
    *(SETTINGS, http2_frame("SETTINGS", b"\0\5\0\0@\0"), http2_frame("PING", bytes(8)), http2_frame(190, b"", 7)),
    *(http2_frame("HEADERS", b"\x88", 1, 4), http2_frame("HEADERS", b"\x88", 1), http2_frame("HEADERS", b"\xff", 1, 4)),
    *(http2_frame("CONTINUATION", b"", 1, 4), http2_frame("DATA", b"hello", 1, 1), http2_frame("DATA", b"x" * 31, 1)),
    *(http2_frame("DATA", b"\2hi\0\0", 1, 8), http2_frame("DATA", b"\2h", 1, 8), http2_frame("DATA", b"on nothing", 0)),
    *(http2_frame("WINDOW_UPDATE", b"\0\0\0\1"), http2_frame("RST_STREAM", b"\0\0\0\x08", 1), b"\0", b"HTTP/1.1"),
]
WEBSOCKET_FRAGMENTS = [
    *(b"\x81\x02hi", b"\x01\x01a", b"\x80\x01b", b"\0\0", b"\x82\x83\1\2\3\4abc", b"\x89\x01p", b"\x8a\0"),
    *(b"\x01\x01\xc3", b"\x80\x01\xa9", b"\x81", b"\x7e\0", b"\x82\x7e\0\x1f", b"\x82\x1f", b"\x88\x02\x03\xe8"),
    *(b"\x88\0", b"\x88\x02\x03\xec", b"\xc1", b"\x09\0", b"\x8f", b"\xff", b"\0", b"x" * 9),
]
CODECS = [
    Codec(SSEDecoder, "max_event_size", 30, b"data: x\n\n", b":" * 31, SSE_FRAGMENTS),
    Codec(ChunkedDecoder, "max_line_size", 30, b"1\r\nx\r\n0\r\n\r\n", b"5" * 31, CHUNKED_FRAGMENTS),
    Codec(HeadDecoder, "max_size", 60, b"GET / HTTP/1.1\r\n\r\n", b"G" * 61, HEAD_FRAGMENTS),
    Codec(FrameDecoder, "max_frame_size", 30, SETTINGS, b"\0\0\x1f", FRAME_FRAGMENTS + [SETTINGS] * 9),
    Codec(WebSocketDecoder, "max_size", 30, b"\x88\x02\x03\xe8", b"\x82\x1f", WEBSOCKET_FRAGMENTS),
]
every_codec = pytest.mark.parametrize("codec", CODECS, ids=repr)
framed_codec = pytest.mark.parametrize("codec", [c for c in CODECS if issubclass(c.make, FramedDecoder)], ids=repr)


def outcome(decoder: Decoder[Any], pieces: list[bytes]) -> tuple[Any, ...]:
    """Everything that a caller can see: values, error with its message, and the public state afterwards."""
    values: list[Any] = []
    error = None
    try:
        for piece in pieces:
            values += decoder.feed(piece)
        decoder.close()
    except WireError as raised:
        error = raised
        values += raised.finished
    if isinstance(decoder, ChunkedDecoder):
        values = [b"".join(values)]  # where pieces of a body are cut is not promised
    state = {name: value for name, value in vars(decoder).items() if not name.startswith("_")}
    rest = getattr(decoder, "rest", b"") if error is None else b""
    return values, type(error), str(error), state, rest


@every_codec
@given(st.data())
def test_values_and_errors_do_not_depend_on_the_cuts(codec, data):
    stream = b"".join(data.draw(st.lists(st.sampled_from(codec.fragments), max_size=12)))
    whole = outcome(codec.limited(), [stream])
    assert outcome(codec.limited(), data.draw(cuts(stream))) == whole
    assert outcome(codec.limited(), [bytes([byte]) for byte in stream]) == whole


@every_codec
@given(stream=st.binary(max_size=80))
def test_bytes_of_any_kind_raise_nothing_but_wire_errors(codec, stream):
    outcome(codec.make(), [stream])


@every_codec
def test_needing_more_data_is_an_empty_list_and_feeding_nothing_is_too(codec):
    decoder = codec.make()
    assert decoder.feed(b"") == []
    assert decoder.feed(codec.good[:1]) == []
    assert decoder.feed(b"") == []
    values = decoder.feed(codec.good[1:])
    assert isinstance(values, list)
    assert len(values) == 1


@every_codec
def test_feeding_after_close_is_misuse_and_closing_again_is_not(codec):
    decoder = codec.make()
    decoder.feed(codec.good)
    decoder.close()
    decoder.close()
    for data in (b"", codec.good):
        with pytest.raises(MisuseError, match=r"after close\(\)"):
            decoder.feed(data)
    decoder.close()


@every_codec
def test_an_error_is_raised_again_by_every_later_call(codec):
    decoder = codec.limited()
    with pytest.raises(LimitExceeded, match=codec.limit) as first:
        decoder.feed(codec.too_long)
    for call in (lambda: decoder.feed(b""), lambda: decoder.feed(codec.good), decoder.close):
        with pytest.raises(LimitExceeded) as again:
            call()
        assert again.value is first.value


@every_codec
def test_the_limit_is_exact(codec):
    decoder = codec.limited()
    assert decoder.feed(codec.too_long[:-1]) == []
    with pytest.raises(LimitExceeded):
        decoder.feed(codec.too_long[-1:])


@every_codec
def test_bytearray_and_memoryview_are_copied_when_they_are_fed(codec):
    decoder = codec.make()
    reused = bytearray(codec.good)
    half = memoryview(reused)[: len(codec.good) - 1]
    values = decoder.feed(half)
    reused[: len(half)] = b"?" * len(half)
    values += decoder.feed(codec.good[-1:])
    assert outcome(codec.make(), [codec.good])[0] == values


@every_codec
@pytest.mark.parametrize("wrong", ["data: x\n\n", None, 5, [1, 2]])
def test_anything_but_bytes_is_misuse(codec, wrong):
    with pytest.raises(MisuseError, match=type(wrong).__name__):
        codec.make().feed(wrong)


@every_codec
@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "9", None])
def test_a_limit_is_a_positive_whole_number(codec, limit):
    with pytest.raises(MisuseError, match=codec.limit):
        codec.make(limit)


@every_codec
@given(st.data())
def test_what_comes_out_is_frozen_and_prints_as_one_line(codec, data):
    try:
        values = codec.limited().feed(b"".join(data.draw(st.lists(st.sampled_from(codec.fragments), max_size=12))))
    except WireError as error:
        values = error.finished
    for value in (*values, *codec.make().feed(codec.good)):
        assert hash(value) == hash(value)  # what can be changed has no hash
        assert len(str(value).splitlines()) == 1
        assert len(str(value)) < 1000


@framed_codec
def test_bytes_behind_the_end_are_in_rest_however_they_came(codec):
    stream = codec.good + b"HTTP/1.1 200 OK\r\n\r\n"
    for cut in range(len(stream) + 1):
        decoder = codec.make()
        decoder.feed(stream[:cut])
        assert decoder.done == (cut >= len(codec.good))
        decoder.feed(stream[cut:])
        assert decoder.rest == b"HTTP/1.1 200 OK\r\n\r\n"


@framed_codec
def test_rest_does_not_grow_without_bound_when_nobody_looks_at_done(codec):
    decoder = codec.make()
    decoder.feed(codec.good)
    decoder.feed(b"x" * MAX_REST)
    with pytest.raises(LimitExceeded, match="`done`"):
        decoder.feed(b"x")


def memory(decoder: Decoder[Any], stream: bytes, read: int) -> int:
    """Bytes of memory that the calls needed one by one, added up: a copy of all that is pending shows in each call."""
    total = 0
    tracemalloc.start()
    try:
        for start in range(0, len(stream), read):
            piece = stream[start : start + read]
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            decoder.feed(piece)
            total += tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return total


def operations(decoder: Decoder[Any], stream: bytes, read: int) -> int:
    """Instructions of Python that the calls took: a loop over all that is pending shows in each call."""
    total = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal total
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        total += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        for start in range(0, len(stream), read):
            decoder.feed(stream[start : start + read])
    finally:
        sys.settrace(before)
    return total


LONG_STREAMS = {
    "an event of one long line": (lambda: SSEDecoder(10**7), lambda n: b"data: " + b"x" * n + b"\n\n", 256),
    "an event of many short lines": (lambda: SSEDecoder(10**7), lambda n: b"data: xy\n" * (n // 9) + b"\n", 256),
    "an event of many bare lines": (lambda: SSEDecoder(10**7), lambda n: b"data\r\n" * (n // 6) + b"\r\n", 256),
    "many comments": (lambda: SSEDecoder(10**7), lambda n: b":\n" * (n // 2), 256),
    "many events": (SSEDecoder, lambda n: b"data: xy\n\n" * (n // 10), 256),
    "an event byte by byte": (SSEDecoder, lambda n: b"data: " + b"x" * (n // 4) + b"\n\n", 1),
    "one big chunk": (ChunkedDecoder, lambda n: b"%x\r\n" % n + b"x" * n + b"\r\n0\r\n\r\n", 256),
    "many small chunks": (ChunkedDecoder, lambda n: b"1\r\nx\r\n" * (n // 6) + b"0\r\n\r\n", 256),
    "many small chunks in one read": (ChunkedDecoder, lambda n: b"1\r\nx\r\n" * (n // 6), 10**9),
    "chunks byte by byte": (ChunkedDecoder, lambda n: b"8\r\n12345678\r\n" * (n // 50), 1),
    "many small frames": (FrameDecoder, lambda n: SETTINGS * (n // 9), 256),
    "frames byte by byte": (FrameDecoder, lambda n: SETTINGS + http2_frame("DATA", b"x" * 512, 1) * (n // 2500), 1),
    "one big message": (WebSocketDecoder, lambda n: b"\x82\x7f" + (n + 2**16).to_bytes(8) + b"x" * n, 256),
    "a message byte by byte": (WebSocketDecoder, lambda n: b"\x82\xfe" + (n // 4).to_bytes(2) + b"x" * (n // 4), 1),
    "many small messages": (WebSocketDecoder, lambda n: b"\x81\x0ehello, hello!!" * (n // 16), 256),
    "many small messages in one read": (WebSocketDecoder, lambda n: b"\x81\x0ehello, hello!!" * (n // 16), 10**9),
    "a message of many fragments": (WebSocketDecoder, lambda n: b"\x01\0" + b"\0\x0ehello, hello!!" * (n // 16), 256),
    "a message of empty fragments": (WebSocketDecoder, lambda n: b"\x01\0" + b"\0\0" * (n // 16), 256),
    "a long header field": (lambda: HeadDecoder(10**7), lambda n: b"GET / HTTP/1.1\r\na: " + b"x" * n, 256),
    "many header fields": (lambda: HeadDecoder(10**7), lambda n: b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (n // 6), 256),
    "a field folded many times": (
        lambda: HeadDecoder(10**7),
        lambda n: b"HTTP/1.1 200 OK\r\na: b" + b"\r\n c" * (n // 4) + b"\r\n\r\n",
        256,
    ),
}


@pytest.mark.parametrize("case", LONG_STREAMS)
def test_the_work_is_linear_in_the_bytes(case):
    make, stream, read = LONG_STREAMS[case]
    once, twice = (memory(make(), stream(size), read) for size in (40_000, 80_000))
    assert twice < 2.6 * once
    once, twice = (operations(make(), stream(size), read) for size in (10_000, 20_000))
    assert twice < 2.2 * once


class Copies(Decoder[bytes]):
    """Copies all that is pending in each call."""

    tail = b""

    def _decode(self, data, values):
        self.tail = self.tail + data


class Loops(Decoder[bytes]):
    """Goes through all that is pending in each call."""

    def __init__(self):
        super().__init__()
        self.pending = []

    def _decode(self, data, values):
        self.pending.append(data)
        for _ in self.pending:
            pass


@pytest.mark.parametrize(("quadratic", "work", "size"), [(Copies, memory, 40_000), (Loops, operations, 10_000)])
def test_the_measures_of_work_can_tell_a_quadratic_decoder(quadratic, work, size):
    once, twice = (work(quadratic(), b"x" * n, 32) for n in (size, 2 * size))
    assert twice > 3.5 * once


def test_the_wire_package_does_no_io_and_reads_no_clock():
    allowed = {"re", "enum", "functools", "dataclasses", "typing", "collections", "json", "importlib", "types"}
    allowed |= {"codecs", "contextlib", "hpack", "hyperframe"}
    for path in Path(course_lib.wire.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                assert module.split(".")[0] in allowed or module.startswith(("course_lib.wire", "course_lib.errors"))


def test_importing_the_codecs_loads_neither_sockets_nor_threads():
    code = "import course_lib.wire.sse, course_lib.wire.chunked, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True).stdout
    assert not {"socket", "asyncio", "threading", "ssl", "fastapi", "httpx"} & set(loaded.split())

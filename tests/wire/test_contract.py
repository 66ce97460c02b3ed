"""What all decoders have in common, one test per clause of the contract in `course_lib.wire`."""

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
from course_lib.wire import MAX_REST, Decoder
from course_lib.wire.chunked import ChunkedDecoder
from course_lib.wire.http1 import HeadDecoder
from course_lib.wire.sse import SSEDecoder
from tests.strategies import SSE_FRAGMENTS, cuts


@dataclass(frozen=True)
class Codec:
    """A decoder with a limit that the examples reach, a good stream, a broken one, and what its streams are made of."""

    make: Any
    limited: Any
    limit: str
    good: bytes
    too_long: bytes
    fragments: list[bytes]

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
CODECS = [
    Codec(SSEDecoder, lambda: SSEDecoder(30), "max_event_size", b"data: x\n\n", b":" * 31, SSE_FRAGMENTS),
    Codec(
        ChunkedDecoder,
        lambda: ChunkedDecoder(30),
        "max_line_size",
        b"1\r\nx\r\n0\r\n\r\n",
        b"5" * 31,
        CHUNKED_FRAGMENTS,
    ),
    Codec(HeadDecoder, lambda: HeadDecoder(60), "max_size", b"GET / HTTP/1.1\r\n\r\n", b"G" * 61, HEAD_FRAGMENTS),
]
every_codec = pytest.mark.parametrize("codec", CODECS, ids=repr)
framed_codec = pytest.mark.parametrize("codec", CODECS[1:], ids=repr)


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


def work(decoder: Decoder[Any], stream: bytes, read: int) -> int:
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
    once, twice = (work(make(), stream(size), read) for size in (40_000, 80_000))
    assert twice < 2.6 * once


def test_the_measure_of_work_can_tell_a_quadratic_decoder():
    class Quadratic(Decoder[bytes]):
        tail = b""

        def _decode(self, data, values):
            self.tail = self.tail + data

    once, twice = (work(Quadratic(), b"x" * size, 256) for size in (40_000, 80_000))
    assert twice > 3.5 * once


def test_the_wire_package_does_no_io_and_reads_no_clock():
    allowed = {"re", "enum", "functools", "dataclasses", "typing", "collections", "json", "importlib", "types"}
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

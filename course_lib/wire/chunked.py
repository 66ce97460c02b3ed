"""The chunked transfer coding: bytes to pieces of a body, and back.

Rule: RFC 9112 section 7.1. Sizes count bytes; where chunks begin means nothing to whoever reads the body.

    state      reads                                 next
    SIZE       hexadecimal size, extensions, CRLF    DATA; TRAILERS if the size is 0
    DATA       that many bytes, handed on at once    CR
    CR, LF     the two bytes behind the data         SIZE
    TRAILERS   field lines, CRLF; an empty line      done

Only CRLF ends a line here. Heads may end lines with a bare LF, but two readers who disagree about that in a framing
see different messages (request smuggling). Left out: the meaning of extensions, which a recipient ignores (7.1.1).
"""

import re
from enum import Enum

from course_lib.errors import LimitExceeded, WireError
from course_lib.wire import FramedDecoder, check_limit, to_bytes
from course_lib.wire.http1 import parse_field_line

LAST_CHUNK = b"0\r\n\r\n"
MAX_TRAILERS = 100

# Spaces before a `;` are allowed (7.1.1); behind a bare size they are not, but real servers pad with them.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class _State(Enum):
    SIZE = "in the size line of a chunk"
    DATA = "inside the data of a chunk"
    CR = "right behind the data of a chunk"
    LF = "right behind the data of a chunk, in its line end"
    TRAILERS = "in the trailers, before the empty line"


class ChunkedDecoder(FramedDecoder[bytes]):
    """Bytes of a chunked body to pieces of the body, also of an unfinished chunk.

    max_line_size: bytes of a size or trailer line, line end not counted. `done` is true after the last chunk and its
    trailers, which are then in `trailers`; an earlier `close()` is a WireError, because the body was cut off.
    """

    def __init__(self, max_line_size: int = 256) -> None:
        super().__init__()
        self.trailers: list[tuple[str, str]] = []
        self._max_line_size = check_limit("max_line_size", max_line_size)
        self._state = _State.SIZE
        self._line = bytearray()
        self._missing = 0  # bytes of this chunk's data that have not come

    def _step(self, data: bytes, start: int, values: list[bytes]) -> int:
        if self._state is _State.DATA:
            piece = data[start : start + self._missing]
            values.append(piece)
            self._missing -= len(piece)
            if not self._missing:
                self._state = _State.CR
            return start + len(piece)
        if self._state in (_State.CR, _State.LF):
            self._expect(b"\r" if self._state is _State.CR else b"\n", data[start : start + 1])
            self._state = _State.LF if self._state is _State.CR else _State.SIZE
            return start + 1
        end = data.find(b"\n", start) + 1 or len(data)
        self._line += data[start:end]
        if len(self._line) > self._max_line_size:
            self._check_line_size()
        if self._line.endswith(b"\n"):
            line = bytes(self._line)
            self._line.clear()
            self._take_line(line)
        return end

    def _check_line_size(self) -> None:
        if len(self._line.removesuffix(b"\n").removesuffix(b"\r")) > self._max_line_size:
            raise LimitExceeded(
                f"A line of a chunked body is longer than max_line_size, {self._max_line_size:,} bytes, and neither "
                "sizes nor trailers need that much. Raise max_line_size, or close the connection."
            )

    def _take_line(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise WireError(f"A line of a chunked body ends with CRLF (RFC 9112 section 7.1); got {line!r}. Refuse it.")
        line = line[:-2]
        if self._state is _State.TRAILERS:
            self.done = not line
            if line:
                self._take_trailer(line)
            return
        size = _SIZE_LINE.fullmatch(line)
        if not size:
            raise WireError(
                "A chunk begins with its size: 1 to 16 hexadecimal digits, then nothing but `;` and extensions "
                f"(RFC 9112 section 7.1); got {line!r}. The two sides no longer agree: close the connection."
            )
        self._missing = int(size[1], 16)
        self._state = _State.DATA if self._missing else _State.TRAILERS

    def _take_trailer(self, line: bytes) -> None:
        if len(self.trailers) == MAX_TRAILERS:
            raise LimitExceeded(f"More than {MAX_TRAILERS} trailer fields came behind a body. Close the connection.")
        self.trailers.append(parse_field_line(line))

    def _expect(self, wanted: bytes, got: bytes) -> None:
        if got != wanted:
            raise WireError(
                f"CRLF must follow the data of a chunk (RFC 9112 section 7.1): expected {wanted!r}, got {got!r}. "
                "The size was wrong; it counts bytes, not characters."
            )

    def _check_end(self) -> None:
        if not self.done:
            missing = f", {self._missing:,} bytes of it missing" if self._missing else ""
            raise WireError(
                f"The body is truncated: it ended {self._state.value}{missing}, and the last chunk (size 0) with its "
                "empty line never came (RFC 9112 section 8). Do not treat the text as complete."
            )


def encode_chunk(data: bytes) -> bytes:
    """One chunk. Empty data gives b"": a chunk of size zero would end the body. Raises MisuseError."""
    data = to_bytes(data)
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""

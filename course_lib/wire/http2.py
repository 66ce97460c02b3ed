"""HTTP/2 frames: the bytes of one direction of a connection to values.

Rule: RFC 9113 sections 3.4 and 4 to 6; header blocks are decoded as RFC 7541 says, by hpack, and joined over
CONTINUATION frames first. hyperframe knows the layout of each frame. A frame that breaks a rule of its own (impossible
length or stream, a block that is interrupted) is a WireError; types that nobody knows are values, too (section 5.5).
Left out: what follows from frames (states of streams, windows): that needs both directions and belongs to an endpoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hpack import Decoder as HeaderDecoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import Frame

from course_lib.errors import LimitExceeded, WireError
from course_lib.wire import Decoder, check_limit
from course_lib.wire.http1 import Headers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # what a client sends first (section 3.4)
MAX_FRAME_SIZE = 16_384  # bytes of a payload, until the receiver allows more (section 4.2)
MAX_HEADER_BLOCK = 65_536  # bytes of a compressed header block
MAX_TABLE_SIZE = 65_536  # bytes of a header table that `heed` allows at most

# By their numbers: section 6, section 7, section 6.5.2 with RFC 8441 and RFC 9218.
_TYPES = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION"
_ERRORS = """NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR
REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED"""
TYPES, ERRORS = tuple(_TYPES.split()), tuple(_ERRORS.split())
SETTINGS = {1: "HEADER_TABLE_SIZE", 2: "ENABLE_PUSH", 3: "MAX_CONCURRENT_STREAMS", 4: "INITIAL_WINDOW_SIZE"}
SETTINGS |= {5: "MAX_FRAME_SIZE", 6: "MAX_HEADER_LIST_SIZE", 8: "ENABLE_CONNECT_PROTOCOL", 9: "NO_RFC7540_PRIORITIES"}
RANGES = {2: (0, 1), 4: (0, 2**31 - 1), 5: (16_384, 2**24 - 1), 8: (0, 1), 9: (0, 1)}  # of other settings: any


@dataclass(frozen=True, slots=True)
class Http2Frame:
    """One frame. `type` is its name (0x.. when nobody knows it), `size` the bytes of its payload, padding included.

    data: of DATA, without padding. headers: of the frame that ends a header block. error: a name of ERRORS, of
    RST_STREAM and GOAWAY. increment: bytes, of WINDOW_UPDATE. last_stream: of GOAWAY. The preface of a client counts
    as a frame, too, of type "preface".
    """

    type: str
    stream: int = 0
    flags: tuple[str, ...] = ()
    size: int = 0
    data: bytes = b""
    headers: Headers = ()
    settings: tuple[tuple[str, int], ...] = ()
    increment: int = 0
    error: str = ""
    last_stream: int = 0

    def __str__(self) -> str:
        flags = f" [{' '.join(self.flags)}]" if self.flags else ""
        return f"stream {self.stream}: {self.type}{flags} {self.told}".rstrip()

    @property
    def told(self) -> str:
        """What the frame says, on one line."""
        match self.type:
            case "DATA":
                return f"{len(self.data):,} bytes {self.data[:60]!r}" + ("…" if len(self.data) > 60 else "")
            case "SETTINGS":
                return ", ".join(f"{name} {value}" for name, value in self.settings)
            case "WINDOW_UPDATE":
                return f"+{self.increment:,}"
            case "RST_STREAM":
                return self.error
            case "GOAWAY":
                return f"{self.error}, last stream {self.last_stream}"
            case _ if self.headers:
                return ", ".join(f"{name} {value}" for name, value in self.headers)
        return f"{self.size:,} bytes" if self.size else ""


class FrameDecoder(Decoder[Http2Frame]):
    """Bytes of one direction to frames. preface: these are the bytes of a client, which begin with PREFACE.

    max_frame_size: bytes of a payload that the *other* side has agreed to take; see `heed`. `close()` is a WireError
    in the middle of a frame or of a header block.
    """

    def __init__(self, max_frame_size: int = MAX_FRAME_SIZE, *, preface: bool = False) -> None:
        super().__init__()
        self._max_frame_size = check_limit("max_frame_size", max_frame_size)
        self._buffer = bytearray()
        self._preface = preface  # still to come
        self._begun = False  # the first frame, SETTINGS, has come
        self._frame: tuple[Any, int] | None = None  # a head whose payload has not come whole: hyperframe's frame, size
        self._block: bytearray | None = None  # a header block that CONTINUATION must end
        self._block_stream = 0
        self._headers = HeaderDecoder(MAX_HEADER_BLOCK)

    def heed(self, settings: Iterable[tuple[str, int]]) -> None:
        """What the other side announced in its SETTINGS allows larger frames and tables here. Limits never shrink:
        nobody who only listens knows when the change took effect.
        """
        for name, value in settings:
            if name == "MAX_FRAME_SIZE":
                self._max_frame_size = max(self._max_frame_size, value)
            elif name == "HEADER_TABLE_SIZE":
                allowed = min(value, MAX_TABLE_SIZE)
                self._headers.max_allowed_table_size = max(self._headers.max_allowed_table_size, allowed)

    def _decode(self, data: bytes, values: list[Http2Frame]) -> None:
        self._buffer += data
        start = 0
        while taken := self._take(start, values):
            start += taken
        del self._buffer[:start]

    def _take(self, start: int, values: list[Http2Frame]) -> int:
        """Take one frame of the buffer, if it is whole; return its length, head included, or 0."""
        have = len(self._buffer) - start
        if self._preface:
            return self._take_preface(values)
        if self._frame is None:
            if have >= 3:
                self._check_size(int.from_bytes(self._buffer[start : start + 3]))
            if have < 9:
                return 0
            self._frame = self._head(bytes(self._buffer[start : start + 9]))
        frame, size = self._frame
        if have < 9 + size:
            return 0
        self._frame = None
        payload = self._buffer[start + 9 : start + 9 + size]
        if _name(frame) in ("GOAWAY", "WINDOW_UPDATE") and payload:
            payload[0] &= 0x7F  # a reserved bit that is to be ignored (sections 6.8 and 6.9), and hyperframe does not
        if frame.type < len(TYPES):  # hyperframe knows, and judges, some that are no part of HTTP/2
            try:
                frame.parse_body(memoryview(bytes(payload)))
            except HyperframeError as error:
                raise _broken(f"a payload that no {_name(frame)} frame can have: {error}") from None
        for number, value in _settings(frame):
            low, high = RANGES.get(number, (0, value))
            if not low <= value <= high:
                raise _broken(f"{SETTINGS[number]} {value:,}; it is {low:,} to {high:,} (section 6.5.2)")
        values.append(self._value(frame, size))
        return 9 + size

    def _take_preface(self, values: list[Http2Frame]) -> int:
        have = self._buffer[: len(PREFACE)]
        if not PREFACE.startswith(have):
            wrong = next(i for i, byte in enumerate(have) if byte != PREFACE[i])
            raise WireError(
                f"A client of HTTP/2 begins with {PREFACE!r} (RFC 9113 section 3.4); these bytes begin with "
                f"{bytes(have[: wrong + 1])!r}. HTTP/1.1, or TLS? Only cleartext HTTP/2 can be read here."
            )
        if len(have) < len(PREFACE):
            return 0
        self._preface = False
        values.append(Http2Frame("preface", size=len(PREFACE)))
        return len(PREFACE)

    def _check_size(self, size: int) -> None:
        if size > self._max_frame_size:
            hint = " These bytes begin as HTTP/1.1 does." if not self._begun and size == 0x485454 else ""  # "HTT"
            raise LimitExceeded(
                f"A frame announces a payload of {size:,} bytes; max_frame_size is {self._max_frame_size:,}, and "
                f"nothing larger may be sent until the other side's SETTINGS allow it (RFC 9113 section 4.2).{hint}"
            )

    def _head(self, head: bytes) -> tuple[Any, int]:
        """A frame of hyperframe, its payload still empty, and the size of that. What a head alone can break."""
        try:
            frame, size = Frame.parse_frame_header(memoryview(head))
        except HyperframeError as error:
            raise _broken(f"a frame on an impossible stream: {error}") from None
        name = _name(frame)
        if not self._begun and name != "SETTINGS":
            raise _broken(f"{name} as its first frame; SETTINGS comes first on both sides (section 3.4)")
        self._begun = True
        continued = self._block is not None
        if (name == "CONTINUATION") != continued or (continued and frame.stream_id != self._block_stream):
            wanted = f"CONTINUATION of stream {self._block_stream}" if continued else "a frame that begins something"
            raise _broken(f"{name} of stream {frame.stream_id}, where {wanted} must come (section 6.10)")
        if continued and len(self._block or b"") + size > MAX_HEADER_BLOCK:
            raise LimitExceeded(f"A header block is longer than {MAX_HEADER_BLOCK:,} bytes. Close the connection.")
        return frame, size

    def _value(self, frame: Any, size: int) -> Http2Frame:
        name = _name(frame)
        in_block = name in ("HEADERS", "PUSH_PROMISE", "CONTINUATION")
        return Http2Frame(
            type=name,
            stream=frame.stream_id,
            flags=tuple(sorted(frame.flags)),
            size=size,
            data=frame.data if name == "DATA" else b"",
            headers=self._take_block(frame) if in_block else (),
            settings=tuple((SETTINGS.get(key, f"0x{key:x}"), value) for key, value in _settings(frame)),
            increment=getattr(frame, "window_increment", 0),
            error=_error(frame.error_code) if name in ("RST_STREAM", "GOAWAY") else "",
            last_stream=getattr(frame, "last_stream_id", 0),
        )

    def _take_block(self, frame: Any) -> Headers:
        """The fields, if this frame ends a header block. Each block must be decoded, as the next builds on it."""
        if self._block is None:
            self._block, self._block_stream = bytearray(), frame.stream_id
        self._block += frame.data
        if "END_HEADERS" not in frame.flags:
            return ()
        block, self._block = bytes(self._block), None
        try:
            fields = list(self._headers.decode(block, raw=True))
        except OversizedHeaderListError:
            raise LimitExceeded(f"Decoded headers are longer than {MAX_HEADER_BLOCK:,} bytes.") from None
        except HPACKError as error:
            raise _broken(f"a header block that breaks RFC 7541 ({type(error).__name__})") from None
        return tuple((_text(name), _text(value)) for name, value in fields)

    def _check_end(self) -> None:
        if self._buffer or self._block is not None:
            where = "a header block" if self._block is not None and not self._buffer else "a frame"
            where = "the preface" if self._preface else where
            raise WireError(f"The connection is truncated: it ended inside {where}. What came before it is whole.")


def _name(frame: Any) -> str:
    number: int = frame.type
    return TYPES[number] if number < len(TYPES) else f"0x{number:02x}"


def _settings(frame: Any) -> Iterable[tuple[int, int]]:
    settings: dict[int, int] = getattr(frame, "settings", {})
    return settings.items()


def _error(code: int) -> str:
    return ERRORS[code] if code < len(ERRORS) else f"0x{code:x}"


def _text(value: Any) -> str:
    return bytes(value).decode("latin-1")


def _broken(what: str) -> WireError:
    return WireError(f"Got {what}. An endpoint would close the connection (RFC 9113 section 5.4.1).")

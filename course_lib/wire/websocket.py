"""WebSocket frames: bytes to frames, and back.

Rule: RFC 6455 sections 5, 7.4 and 8.1, strictly. Each byte is judged when it comes: a length over the limit is refused
before its payload is kept, a wrong opcode before its length is read.

    state     reads                                        next
    FIRST     final bit, reserved bits, opcode: a byte     SECOND
    SECOND    mask bit and a length up to 125: a byte      LENGTH, or PAYLOAD
    LENGTH    2 bytes when that was 126, 8 when 127        PAYLOAD
    PAYLOAD   the key, 4 bytes, when the mask bit is set;
              that many bytes, unmasked                    FIRST; done behind a close frame

Written here and not taken from `websockets.frames`, which forgets what a lesson wants to show (mask, length on the
wire) and judges many frames only when it has all of them; that library is the second opinion of the tests.
Left out: the handshake (`http1` reads its heads), joining fragments, and extensions: a compressed payload stays so.
"""

import codecs
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire import FramedDecoder, check_limit, to_bytes

MAX_CONTROL = 125  # bytes of payload (section 5.5)
CLOSE_CODES = {  # that may be sent: section 7.4.1 and the registry of IANA; and 3000 to 4999 for everybody
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1007: "invalid payload",
    1008: "policy violation",
    1009: "message too big",
    1010: "mandatory extension",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}


class Opcode(IntEnum):
    """What a frame is (section 5.2). From 8 on: control frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


_OPCODES = {code.value: code for code in Opcode}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. payload: unmasked bytes. fin: it ends its message. reserved: three bits for extensions; 4 is RSV1 and
    means compressed (RFC 7692). mask: the key of 4 bytes that a client must use, else empty."""

    opcode: Opcode
    payload: bytes = b""
    fin: bool = True
    reserved: int = 0
    mask: bytes = b""

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        length = len(self.payload)
        return 2 + (length > MAX_CONTROL) * 2 + (length > 0xFFFF) * 6 + len(self.mask) + length

    @property
    def close_code(self) -> int | None:
        """Of a close frame that has one."""
        return int.from_bytes(self.payload[:2]) if self.opcode is Opcode.CLOSE and self.payload else None

    def __str__(self) -> str:
        told = f" {self.told}" if self.told else ""
        return f"{self.opcode.name.lower()}{told} ({', '.join([f'{self.size:,} bytes', *self.notes])})"

    @property
    def notes(self) -> list[str]:
        """What its bits say, where that is not the usual."""
        reserved = "compressed" if self.reserved == 4 else f"reserved bits {self.reserved:03b}"
        return ["masked"] * bool(self.mask) + ["more follows"] * (not self.fin) + [reserved] * bool(self.reserved)

    @property
    def told(self) -> str:
        """The payload for a reader, on one line and not too long."""
        shown: str | bytes = self.payload
        if (code := self.close_code) is not None:
            meaning = CLOSE_CODES.get(code, "private use" if code >= 4000 else "registered")
            reason = self.payload[2:].decode("utf-8", "replace")
            return f"{code} {meaning}" + (f" {reason!r}" if reason else "")
        if self.opcode in (Opcode.TEXT, Opcode.CONTINUATION) and not self.reserved:
            with suppress(UnicodeDecodeError):  # a fragment may end inside a character; then bytes say more
                shown = self.payload.decode()
        return (repr(shown) if len(shown) <= 80 else f"{shown[:60]!r}...") if shown else ""


_Next = tuple[int, "_State"]  # how many bytes to wait for, and who takes them
_State = Callable[[bytes, list[Frame]], _Next]


class WebSocketDecoder(FramedDecoder[Frame]):
    """What one side sends behind the handshake, as frames; `done` after its close frame.

    max_size: bytes of a message, all its fragments together. masked: True for what a client sends, False for what a
    server sends, None for either. reserved: the bits that the extensions of the handshake may use, 4 for
    permessage-deflate. An end without a close frame is a WireError: whoever is told of it reports code 1006 (7.1.5).
    """

    def __init__(self, max_size: int = 1_000_000, *, masked: bool | None = None, reserved: int = 0) -> None:
        super().__init__()
        self._max_size = check_limit("max_size", max_size)
        self._masked, self._allowed = masked, reserved
        self._held = bytearray()
        self._state: _State = self._first
        self._missing = 1  # bytes that this state still waits for
        self._opcode, self._control, self._fin, self._reserved = Opcode.TEXT, False, True, 0
        self._length, self._masking = 0, False  # of the frame that is being read
        self._message: int | None = None  # bytes of a message of which more fragments must follow
        self._text: codecs.IncrementalDecoder | None = None  # checks that this message is UTF-8

    def _step(self, data: bytes, start: int, values: list[Frame]) -> int:
        end = min(start + self._missing, len(data))
        self._held += data[start:end]
        self._missing -= end - start
        while not self._missing and not self.done:
            taken = bytes(self._held)
            self._held.clear()
            self._missing, self._state = self._state(taken, values)
        return end

    def _first(self, taken: bytes, values: list[Frame]) -> _Next:
        self._fin, self._reserved = taken[0] >= 0x80, taken[0] >> 4 & 7
        begins = taken[0] & 15 in (Opcode.TEXT, Opcode.BINARY)
        if self._reserved & ~(self._allowed if begins else self._allowed & 3):  # compressed is a message (RFC 7692, 6)
            raise _broken(f"reserved bits {self._reserved:03b} are set, which no agreed extension allows here", "5.2")
        if taken[0] & 15 not in _OPCODES:
            known = ", ".join(f"{code:d} {code.name}" for code in Opcode)
            raise _broken(f"opcode {taken[0] & 15} has no meaning, there are {known}", "5.2")
        self._opcode = _OPCODES[taken[0] & 15]
        self._control = self._opcode >= Opcode.CLOSE
        if self._control and not self._fin:
            raise _broken("a control frame is fragmented", "5.5")
        if self._opcode is Opcode.CONTINUATION and self._message is None:
            raise _broken("a continuation came, but no message has begun", "5.4")
        if self._opcode in (Opcode.TEXT, Opcode.BINARY) and self._message is not None:
            raise _broken("a new message begins before the last fragment of the one before it", "5.4")
        return 1, self._second

    def _second(self, taken: bytes, values: list[Frame]) -> _Next:
        self._masking, self._length = taken[0] >= 0x80, taken[0] & 0x7F
        if self._masked not in (None, self._masking):
            found = "masked" if self._masking else "not masked"
            raise _broken(f"a frame is {found}, but clients mask every frame and servers none", "5.1")
        if self._length <= MAX_CONTROL:
            return self._sized()
        if self._control:
            raise _broken(f"a control frame has more than {MAX_CONTROL} bytes", "5.5")
        return (2 if self._length == 126 else 8), self._long

    def _long(self, taken: bytes, values: list[Frame]) -> _Next:
        self._length = int.from_bytes(taken)
        if self._length <= (MAX_CONTROL if len(taken) == 2 else 0xFFFF) or self._length >> 63:
            raise _broken(f"a length of {self._length:,} is not written in the shortest of the three forms", "5.2")
        return self._sized()

    def _sized(self) -> _Next:
        size = (self._message or 0) + self._length
        if size > self._max_size and not self._control:
            raise LimitExceeded(
                f"A message has {size:,} bytes or more, and max_size is {self._max_size:,}. Close with 1009, or raise "
                "max_size if such messages are real."
            )
        return 4 * self._masking + self._length, self._payload

    def _payload(self, taken: bytes, values: list[Frame]) -> _Next:
        key, data = taken[: 4 * self._masking], taken[4 * self._masking :]
        frame = Frame(self._opcode, apply_mask(data, key), self._fin, self._reserved, key)
        if frame.opcode is Opcode.CLOSE:
            _check_close(frame)
            self.done = True
        elif not self._control:
            self._take_part(frame)
        values.append(frame)
        return 1, self._first

    def _take_part(self, frame: Frame) -> None:
        """A fragment, or a whole message."""
        if frame.opcode is not Opcode.CONTINUATION:
            plain = frame.opcode is Opcode.TEXT and not frame.reserved
            self._text = codecs.getincrementaldecoder("utf-8")() if plain else None
        if self._text is not None:
            try:
                self._text.decode(frame.payload, frame.fin)
            except UnicodeDecodeError as error:
                raise _broken(f"a text message is not UTF-8 ({error.reason})", "8.1", 1007) from None
        self._message = None if frame.fin else (self._message or 0) + len(frame.payload)

    def _check_end(self) -> None:
        if not self.done:
            between = "messages" if self._message is None else "fragments"
            place = f"between two {between}" if self._state == self._first else "inside a frame"
            raise WireError(
                f"The connection ended {place}, without a close frame: code 1006, an abnormal closure "
                "(RFC 6455 section 7.1.5). Do not treat what came as complete."
            )


def _broken(what: str, section: str, code: int = 1002) -> WireError:
    return WireError(f"Not a valid WebSocket stream: {what} (RFC 6455 section {section}). Close with {code}.")


def _check_close(frame: Frame) -> None:
    """A close frame is empty, or has a code that may be sent and a reason in UTF-8."""
    if len(frame.payload) == 1:
        raise _broken("a close frame has one byte of payload, a code takes two", "5.5.1")
    code = frame.close_code
    if code is not None and code not in CLOSE_CODES and not 3000 <= code <= 4999:
        raise _broken(f"a close frame has the code {code}, which must not be sent", "7.4")
    try:
        frame.payload[2:].decode()
    except UnicodeDecodeError as error:
        raise _broken(f"the reason of a close frame is not UTF-8 ({error.reason})", "5.5.1", 1007) from None


def apply_mask(data: bytes, key: bytes) -> bytes:
    """`data` XOR the key, over and over (section 5.3): masks, or unmasks. An empty key changes nothing."""
    if not key:
        return data
    keys = key * (len(data) // 4) + key[: len(data) % 4]
    return (int.from_bytes(data) ^ int.from_bytes(keys)).to_bytes(len(data))


def encode_frame(frame: Frame) -> bytes:
    """The frame on the wire; a client gives each a `mask` of 4 fresh random bytes. MisuseError for what is no frame."""
    payload = to_bytes(frame.payload)
    length, masking = len(payload), 0x80 * bool(frame.mask)
    short, size = length, b""
    if length > MAX_CONTROL:
        short, size = (126, length.to_bytes(2)) if length <= 0xFFFF else (127, length.to_bytes(8))
    try:
        first = frame.fin << 7 | frame.reserved << 4 | frame.opcode
        encoded = bytes([first, masking | short]) + size + frame.mask + apply_mask(payload, frame.mask)
        decoder = WebSocketDecoder(length + 1, reserved=7)
        if frame.opcode is Opcode.CONTINUATION:
            decoder.feed(b"\x02\0")  # something to continue
        decoded = decoder.feed(encoded)
    except (TypeError, ValueError, OverflowError) as error:
        raise MisuseError(f"This frame cannot be sent, {frame!r}: {error}") from error
    if decoded != [frame]:
        raise MisuseError(f"This frame would come back as {decoded}, got {frame!r}. A mask has 4 bytes.")
    return encoded

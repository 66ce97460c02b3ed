"""Server-sent events: a stream of bytes to events, and back.

Rule: WHATWG HTML sections 9.2.5 and 9.2.6, to the letter. Work on bytes, make every line end one LF, split there,
decode a finished line. That is safe because no byte of a UTF-8 sequence looks like CR or LF.
Left out: HTTP, JSON, `[DONE]`, reconnecting, and telling whether a stream ended well. The layer above does that.
"""

import re
from typing import NamedTuple

from course_lib.errors import LimitExceeded, MisuseError
from course_lib.wire import Decoder, check_limit

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CR, LF = 0x0D, 0x0A  # as numbers: searching bytes for a number is five times faster than for b"\n"
WINDOW = 65_536  # bytes worked on at a time: bounds the lists that splitting makes, whatever is fed
MAX_RETRY_DIGITS = 300  # more is ignored: not even a float could hold that time in seconds


class ServerSentEvent(NamedTuple):
    """One event: its type, its data, the last event ID when it was dispatched.

    `retry` is for events that are about to be sent; decoded ones have None, because the reconnection time
    belongs to the stream (`SSEDecoder.retry`). A tuple, as it is the cheapest frozen value there is.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    def __str__(self) -> str:
        data = repr(self.data) if len(self.data) <= 100 else f"{self.data[:80]!r}... ({len(self.data):,} characters)"
        identity = f", id {self.id!r}" if self.id else ""
        retry = f", retry {self.retry} ms" if self.retry is not None else ""
        return f"{self.event}: {data}{identity}{retry}"


_new = tuple.__new__  # skips the handling of defaults: half the cost of an event


class SSEDecoder(Decoder[ServerSentEvent]):
    """Bytes of an event stream to events, each as soon as its blank line is known.

    max_event_size: bytes of the lines between two blank lines, comments included, line ends not counted; above it
    `LimitExceeded`. `last_event_id` (str) and `retry` (milliseconds, or None) are those of the stream so far.
    Nothing else is an error: invalid UTF-8 becomes U+FFFD, unknown fields and an unfinished last event are ignored.
    """

    def __init__(self, max_event_size: int = 1_000_000) -> None:
        super().__init__()
        self.last_event_id = ""
        self.retry: int | None = None
        self._max_event_size = check_limit("max_event_size", max_event_size)
        self._mark: bytes | None = b""  # the beginning of a byte order mark, until it is known to be (n)one
        self._unusual_start = True  # there is a mark or a LF to look for at the start of the next read
        self._after_cr = False  # the last byte was CR: a LF that follows belongs to it
        self._line: list[bytes] = []  # pieces of the unfinished line; joined once, so that the work stays linear
        self._size = 0  # bytes of this event in finished lines
        self._held = 0  # bytes of this event in the unfinished line
        self._data = bytearray()  # each data line with a LF behind it, so never empty once there was one
        self._type = ""
        self._id = ""  # becomes last_event_id at the blank line

    def _decode(self, data: bytes, values: list[ServerSentEvent]) -> None:
        if len(data) > WINDOW:
            for start in range(0, len(data), WINDOW):
                self._decode(data[start : start + WINDOW], values)
            return
        if self._unusual_start or CR in data:
            data = self._with_lf_only(data)
        if LF in data:
            self._line.append(data)
            data = b"".join(self._line)
            self._line.clear()
            self._held = 0
            # Bytes below the limit cannot hold an event above it.
            if not self._size and data.startswith(b"data: ") and len(data) <= self._max_event_size:
                data = self._take_plain_events(data, values)
            if LF in data:
                *lines, data = data.split(b"\n")
                for line in lines:
                    if line:
                        self._take_line(line)
                    else:
                        self._dispatch(values)
        self._line.append(data)
        self._held += len(data)
        if self._size + self._held > self._max_event_size:
            self._refuse()

    def _with_lf_only(self, data: bytes) -> bytes:
        """Drop a byte order mark at the very start; turn CR and CRLF into LF. A CR counts at once (9.2.6)."""
        if self._mark is not None:
            data = self._mark + data
            if len(data) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(data):
                self._mark = data
                return b""
            self._mark = None
            data = data.removeprefix(BYTE_ORDER_MARK)
        elif self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        self._unusual_start = self._after_cr
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take_plain_events(self, data: bytes, values: list[ServerSentEvent]) -> bytes:
        """Take events of a single `data: ` line off the front, all in one go; return the rest of the bytes.

        Nearly all events of LLM streams look like that, and splitting in bulk is several times faster than line
        by line. The result is the same; if any other line is in between, everything is left to `_take_line`.
        """
        end = data.rfind(b"\n\n")
        if end < 0:
            return data
        # Of a large event, a view: each copy of it would cost as much as all the rest of the work.
        part = data[6:end] if end < WINDOW else memoryview(data)[6:end]
        text = str(part, "utf-8", "replace")
        plain = text.split("\n\ndata: ") if "\n" in text else [text]
        if "\n" in "".join(plain):
            return data
        for value in plain:
            values.append(_new(ServerSentEvent, ("message", value, self._id, None)))
        return data[end + 2 :]

    def _take_line(self, line: bytes) -> None:
        self._size += len(line)
        if self._size > self._max_event_size:
            self._refuse()
        name, _, value = line.partition(b":")  # a comment is a line whose name is empty
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data += value
            self._data += b"\n"
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():  # of bytes: ASCII digits only, at least one
            digits = value.lstrip(b"0")
            if len(digits) <= MAX_RETRY_DIGITS:
                self.retry = int(digits or b"0")

    def _dispatch(self, values: list[ServerSentEvent]) -> None:
        self.last_event_id = self._id  # also for a block without data
        if self._data:
            del self._data[-1:]  # the LF of the last line
            data = self._data.decode("utf-8", "replace")
            values.append(ServerSentEvent(self._type or "message", data, self._id))
            self._data.clear()
        self._type = ""
        self._size = 0

    def _refuse(self) -> None:
        raise LimitExceeded(
            f"An event is larger than max_event_size: more than {self._max_event_size:,} bytes came without a blank "
            "line. Raise max_event_size if such events are real; else the peer does not send an event stream."
        )


def encode_event(data: str, *, event: str | None = None, id: str | None = None, retry: int | None = None) -> bytes:
    """One event as UTF-8 bytes with LF line ends. Raises MisuseError for what the format cannot carry.

    data: any text; CR, LF and CRLF in it end a `data` line, so all come back as LF. id="" resets the last event ID,
    None leaves it alone. retry: milliseconds.
    """
    lines = []
    for name, value in (("event", event), ("id", id)):
        if value is not None:
            _check_text(name, value)
            if forbidden := re.search("[\r\n\0]", value):  # browsers differ about NUL in a type, and ignore such an id
                raise MisuseError(
                    f"{name} must fit in one line and have no NUL, got {forbidden[0]!r} in {value!r}. "
                    "Whoever can put a line end there can forge events: refuse such input."
                )
            lines.append(f"{name}: {value}\n")
    if retry is not None:
        if type(retry) is not int or retry < 0:
            raise MisuseError(f"retry is a whole number of milliseconds, 0 or more; got {retry!r}.")
        lines.append(f"retry: {retry}\n")
    return _encode(lines + [f"data: {line}\n" for line in _lines("data", data)])


def encode_comment(text: str = "") -> bytes:
    """A comment and a blank line: keeps a connection busy, dispatches nothing (9.2.7). Raises MisuseError."""
    return _encode([f": {line}\n" for line in _lines("text", text)])


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise MisuseError(f"{name} is text (str), got {type(value).__name__}: {value!r}. Turn it into text first.")


def _lines(name: str, text: str) -> list[str]:
    _check_text(name, text)
    return re.split("\r\n|\r|\n", text)


def _encode(lines: list[str]) -> bytes:
    text = "".join(lines) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MisuseError(
            f"The text has half of a surrogate pair, {text[error.start]!r}, which UTF-8 cannot carry. "
            "Where it was made, a character was cut in two."
        ) from error

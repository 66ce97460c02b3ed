"""The head of an HTTP/1.1 message: start line and header fields, both ways; and how long its body is.

Rule: RFC 9112 sections 2 to 6. Strict where two readers could disagree about where a message ends, lenient where the
standard allows it and no harm comes: a bare LF ends a line (2.2), empty lines before a head are skipped (2.2), a
status line may lack its reason, and a folded field of a response is unfolded (5.2); of a request it is refused.
Left out: the body (see `chunked`), connections, what fields mean.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire import FramedDecoder, check_limit

MAX_HEAD_SIZE = 65_536

_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5
_REQUEST_LINE = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/(1\.[0-9])")
_STATUS_LINE = re.compile(rb"HTTP/(1\.[0-9]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")

Headers = tuple[tuple[str, str], ...]


class _Head:
    __slots__ = ()
    headers: Headers

    def get(self, name: str) -> str | None:
        """The values of a field joined with ", " (RFC 9110 section 5.3), or None. Wrong for set-cookie only."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    def __str__(self) -> str:
        return " | ".join([self.start_line, *(f"{name}: {value}" for name, value in self.headers)])


@dataclass(frozen=True, slots=True)
class ResponseHead(_Head):
    """Status line and fields. Decoded names are in lower case; order and repeats are those of the wire."""

    status: int
    reason: str = ""
    version: str = "1.1"
    headers: Headers = ()

    @property
    def start_line(self) -> str:
        return f"HTTP/{self.version} {self.status} {self.reason}"


@dataclass(frozen=True, slots=True)
class RequestHead(_Head):
    """Request line and fields. Decoded names are in lower case; order and repeats are those of the wire."""

    method: str
    target: str
    version: str = "1.1"
    headers: Headers = ()

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.target} HTTP/{self.version}"


Head = ResponseHead | RequestHead


class HeadDecoder(FramedDecoder[Head]):
    """Bytes to the head of one message; which kind it is shows in its first line. `rest` begins with the body.

    max_size: bytes of the head, its blank line included. An end before the first byte is no error (an idle
    connection was closed); a later one is truncation.
    """

    def __init__(self, max_size: int = MAX_HEAD_SIZE) -> None:
        super().__init__()
        self._max_size = check_limit("max_size", max_size)
        self._size = 0
        self._line = bytearray()
        self._lines: list[bytes] = []

    def _step(self, data: bytes, start: int, values: list[Head]) -> int:
        end = data.find(b"\n", start) + 1 or len(data)
        self._size += end - start
        if self._size > self._max_size:
            raise LimitExceeded(
                f"The head of a message is over max_size: {self._max_size:,} bytes came without the blank line that "
                "ends it. Raise max_size if such heads are real; else this is not HTTP/1."
            )
        self._line += data[start:end]
        if self._line.endswith(b"\n"):
            line = bytes(self._line).removesuffix(b"\n").removesuffix(b"\r")
            self._line.clear()
            if line:
                self._lines.append(line)
            elif self._lines:
                values.append(_parse_head(self._lines))
                self.done = True
        return end

    def _check_end(self) -> None:
        if self._size and not self.done:
            raise WireError(
                f"The connection ended inside the head of a message, after {self._size:,} bytes and before the blank "
                "line that ends it. Treat the message as lost."
            )


def _parse_head(lines: list[bytes]) -> Head:
    start, *rest = lines
    response = _STATUS_LINE.fullmatch(start)
    request = _REQUEST_LINE.fullmatch(start)
    if not response and not request:
        raise WireError(
            "The first line of a message is `HTTP/1.1 200 OK` or `GET /path HTTP/1.1`, with single spaces "
            f"(RFC 9112 sections 3 and 4); got {_shown(start)}. The peer may speak TLS or HTTP/2 here."
        )
    unfolded: list[list[bytes]] = []
    for line in rest:
        if not line.startswith((b" ", b"\t")):
            unfolded.append([line])
        elif response and unfolded:
            unfolded[-1].append(line.lstrip(b" \t"))
        else:
            raise WireError(
                f"A header field begins with a space, {_shown(line)}. After the first line nothing may "
                "(RFC 9112 section 2.2), and folded fields are refused in requests (5.2)."
            )
    headers = tuple(parse_field_line(b" ".join(parts)) for parts in unfolded)
    if response:
        version, status, reason = response.groups(default=b"")
        return ResponseHead(int(status), reason.decode("latin-1"), version.decode(), headers)
    assert request
    method, target, version = request.groups()
    return RequestHead(method.decode(), target.decode(), version.decode(), headers)


def parse_field_line(line: bytes) -> tuple[str, str]:
    """One field line without its line end: name in lower case, value without spaces around (RFC 9112 section 5)."""
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not colon or not _TOKEN.fullmatch(name):
        raise WireError(
            f"A header field is `name: value`, and no space may stand before the colon (RFC 9112 section 5.1); "
            f"got {_shown(line)}. Two readers may understand such a line differently: refuse the message."
        )
    if not _FIELD_VALUE.fullmatch(value):
        raise WireError(
            f"The value of a header field has a control character (RFC 9110 section 5.5): {_shown(line)}. "
            "It may be an attempt to smuggle a line in: refuse the message."
        )
    return name.decode().lower(), value.decode("latin-1")


def encode_head(head: Head) -> bytes:
    """The head with its blank line. Text goes out as latin-1. Raises MisuseError for what would not come back."""
    lines = [head.start_line, *(f"{name}: {value}" for name, value in head.headers)]
    try:
        encoded = b"".join(line.encode("latin-1") + b"\r\n" for line in lines) + b"\r\n"
        decoded = HeadDecoder(len(encoded)).feed(encoded)
    except (UnicodeEncodeError, WireError) as error:
        raise MisuseError(f"This head cannot be sent: {error}") from error
    wanted = replace(head, headers=tuple((name.lower(), value) for name, value in head.headers))
    if decoded != [wanted]:
        raise MisuseError(f"This head would come back as something else: {decoded}, got {head!r}. Look for line ends.")
    return encoded


class Framing(NamedTuple):
    """How the end of a body is found. `length` in bytes, for kind "length" only."""

    kind: Literal["none", "length", "chunked", "close"]
    length: int | None = None


def body_framing(head: Head, *, method: str = "GET") -> Framing:
    """How the body behind this head ends, by the rules of RFC 9112 section 6.3 in their order.

    method: of the request that a response answers. Raises WireError where readers could disagree.
    """
    response = isinstance(head, ResponseHead)
    if isinstance(head, ResponseHead) and (
        method == "HEAD"
        or head.status < 200
        or head.status in (204, 304)
        or (method == "CONNECT" and head.status < 300)
    ):
        return Framing("none")
    coding, length = head.get("transfer-encoding"), head.get("content-length")
    if coding is not None:
        codings = [name.strip(" \t").lower() for name in coding.split(",") if name.strip(" \t")] or [""]
        if head.version == "1.0" or "chunked" in codings[:-1] or (not response and codings[-1] != "chunked"):
            raise WireError(
                "Transfer-Encoding must end with chunked, once, in HTTP/1.1 (RFC 9112 sections 6.1 and 6.3); "
                f"got {coding!r} in HTTP/{head.version}. Nobody can tell where this body ends: close the connection."
            )
        if length is not None and not response:
            raise WireError(
                "A request has Transfer-Encoding and Content-Length, which lets two readers see two different ends "
                "(request smuggling, RFC 9112 section 6.3). Refuse it."
            )
        return Framing("chunked") if codings[-1] == "chunked" else Framing("close")
    if length is not None:
        lengths = {part.strip(" \t") for part in length.split(",")}
        if len(lengths) > 1 or not re.fullmatch("[0-9]{1,19}", min(lengths)):
            raise WireError(
                f"Content-Length is one number of bytes in decimal digits (RFC 9112 section 6.3), got {length!r}. "
                "Nobody can tell where this body ends: close the connection."
            )
        return Framing("length", int(min(lengths)))
    return Framing("close") if response else Framing("none")


def _shown(line: bytes) -> str:
    return repr(line) if len(line) <= 80 else f"{line[:60]!r}... ({len(line):,} bytes)"

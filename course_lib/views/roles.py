"""What each byte of a stream is: part of a status line, a header, a chunk size, a field of an event, or just data.

Rule: one pass over the bytes, which may stop anywhere. Heads and framing are judged by `wire.http1`; where that refuses
them, the rest is data. Bytes that begin with a chunk size or an event field are taken for a chunked body or an event
stream. Left out: what the fields mean, and compressed bodies.
"""

import re
from itertools import groupby
from typing import NamedTuple

from course_lib.errors import WireError
from course_lib.wire.http1 import Framing, HeadDecoder, body_framing

_HEAD = re.compile(rb"HTTP/1|[A-Z]{3,10} \S+ HTTP/1")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]*(;[^\r\n]*)?\r\n")
_EVENTS = re.compile(rb"(\xef\xbb\xbf)?(:|(data|event|id|retry)[:\r\n])")


_LINE = re.compile(rb"(?:(:[^\r\n]*)|([^:\r\n]*:?)([^\r\n]*))([\r\n]*)")
_PARTS = ("comment", "field name", "field value", "line end")  # the groups of _LINE

Span = tuple[int, int]


class Run(NamedTuple):
    """Neighbouring bytes of one role: data[start:end]."""

    role: str
    start: int
    end: int


def runs(data: bytes) -> list[Run]:
    """The roles of all bytes of `data`, in order, without gaps."""
    roles, at = ["data"] * len(data), 0
    if _CHUNK.match(data):
        at = _chunked(data, 0, roles, _EVENTS.match(data, data.find(b"\n") + 1) is not None)
    elif _EVENTS.match(data):
        _events(data, [(0, len(data))], roles)
        at = len(data)
    while _HEAD.match(data, at):
        at = _message(data, at, roles)
    found, start = list[Run](), 0
    for role, group in groupby(roles):
        found.append(Run(role, start, start + len(list(group))))
        start = found[-1].end
    return found


def _message(data: bytes, start: int, roles: list[str]) -> int:
    """A head and its body. Like all functions here: fills in `roles`, returns where the next message may begin."""
    at, role = start, "status line" if data.startswith(b"HTTP/", start) else "request line"
    while at < len(data):
        line_end, end = _line(data, at, role, roles)
        colon = data.find(b":", at, line_end) + 1
        if at != start and colon:
            _paint(roles, "header name", at, colon)
        blank, at, role = at == line_end, end, "header value"
        if blank:
            break
    else:
        return at  # the head goes on behind the last byte
    try:
        [head] = HeadDecoder().feed(data[start:at])
        framing = body_framing(head)
        events = (head.get("content-type") or "").lower().startswith("text/event-stream")
    except (WireError, ValueError):
        framing, events = Framing("close"), False
    if framing.kind == "chunked":
        return _chunked(data, at, roles, events)
    end = len(data) if framing.kind == "close" else min(len(data), at + (framing.length or 0))
    if events:
        _events(data, [(at, end)], roles)
    return end


def _chunked(data: bytes, at: int, roles: list[str], events: bool) -> int:
    """Chunks and trailers (RFC 9112 section 7.1)."""
    pieces, size = list[Span](), -1
    while at < len(data) and size:
        line_end, end = _line(data, at, "chunk size", roles)
        digits = data[at:line_end].partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", digits):
            at = len(data)
            break
        size = int(digits, 16)
        at = min(len(data), end + size)
        pieces.append((end, at))
        if size:
            end = min(len(data), at + 2)
            _paint(roles, "CRLF", at, end)
            at = end
    if events:
        _events(data, pieces, roles)
    while at < len(data):
        start = at
        line_end, at = _line(data, start, "header name", roles)
        if start == line_end:
            break
    return at


def _events(data: bytes, pieces: list[Span], roles: list[str]) -> None:
    """The lines of an event stream, wherever its pieces cut them."""
    places = [place for piece in pieces for place in range(*piece)]
    for match in _LINE.finditer(bytes(data[place] for place in places)):
        for number, role in enumerate(_PARTS, 1):
            for i in range(*match.span(number)):
                roles[places[i]] = role


def _line(data: bytes, start: int, role: str, roles: list[str]) -> Span:
    """The line at `start`: (its end, its end with LF or CRLF); if it is unfinished, both are the end of `data`."""
    end = data.find(b"\n", start) + 1
    line_end = end - (2 if data.startswith(b"\r\n", end - 2) and end - 2 >= start else 1) if end else len(data)
    end = end or len(data)
    _paint(roles, role, start, line_end)
    _paint(roles, "CRLF", line_end, end)
    return line_end, end


def _paint(roles: list[str], role: str, start: int, end: int) -> None:
    roles[start:end] = [role] * (end - start)

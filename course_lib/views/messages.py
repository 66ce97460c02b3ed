"""One HTTP/1 connection as items: heads, pieces of bodies and their ends; behind a 101, the frames of a WebSocket.

Rule: decoded by `wire` as the bytes come, each byte once. Answers belong to requests in their order (RFC 9112 section
9.3.2). Left out: what bodies and frames mean, and what follows a 101 to any other protocol.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import cast

from course_lib.errors import WireError
from course_lib.wire.chunked import ChunkedDecoder
from course_lib.wire.http1 import Framing, Head, HeadDecoder, RequestHead, ResponseHead, body_framing
from course_lib.wire.websocket import Frame, WebSocketDecoder

MAX_MESSAGE = 16_000_000  # bytes of a message of a WebSocket
Item = Head | bytes | Frame | None  # None: a message of HTTP is whole


class Messages:
    """Both sides of a connection. Whoever gets a WireError calls `stop` for that side."""

    def __init__(self) -> None:
        self._asked: deque[str] = deque()  # methods of the requests that wait for their answers
        self._method = "GET"  # of the request whose answer is being read
        self._sides: dict[str, _Side | None] = {
            "client": _Side(body_framing),
            "server": _Side(lambda head: body_framing(head, method=self._method)),
        }

    def feed(self, side: str, data: bytes) -> Iterator[Item]:
        """What these bytes complete; nothing for a side that was stopped. Raises WireError."""
        stream = self._sides[side]
        for item in () if stream is None else stream.feed(data):
            if isinstance(item, RequestHead):
                self._asked.append(item.method)
            elif isinstance(item, ResponseHead):
                self._answered(item)
            yield item

    def stop(self, side: str) -> None:
        """Read nothing more of what this side sends."""
        self._sides[side] = None

    def until_close(self, side: str) -> bool:
        """Is a body being read that only the end of the connection ends?"""
        stream = self._sides[side]
        return stream is not None and stream.until_close

    def unclosed(self, side: str) -> bool:
        """Is this side of a WebSocket open, without a close frame until now?"""
        stream = self._sides[side]
        return stream is not None and stream.frames is not None and not stream.frames.done

    def _answered(self, head: ResponseHead) -> None:
        if head.status >= 200:  # an interim response (RFC 9110 section 15.2) is followed by the real one
            self._method = self._asked.popleft() if self._asked else "GET"
        elif head.status == 101:
            websocket = (head.get("upgrade") or "").lower() == "websocket"
            reserved = 4 if "permessage-deflate" in (head.get("sec-websocket-extensions") or "") else 0
            for side, stream in self._sides.items():
                if stream is not None and websocket:
                    stream.frames = WebSocketDecoder(MAX_MESSAGE, masked=side == "client", reserved=reserved)
                else:
                    self._sides[side] = None


class _Side:
    """What one side sends. framing: of the body behind a head; asked after the head was handed out."""

    def __init__(self, framing: Callable[[Head], Framing]) -> None:
        self._framing = framing
        self._head: HeadDecoder | None = HeadDecoder()  # None while a body is read
        self._chunks: ChunkedDecoder | None = None
        self._missing: int | None = None  # bytes of a body with a length
        self.until_close = False
        self.frames: WebSocketDecoder | None = None  # instead of all that

    def feed(self, data: bytes) -> Iterator[Item]:
        try:
            yield from self._items(data)
        except WireError as error:
            yield from cast(tuple[Item, ...], error.finished)  # however the bytes were cut
            raise

    def _items(self, data: bytes) -> Iterator[Item]:
        while data:
            whole = False
            if self.frames is not None:
                yield from self.frames.feed(data)
                return
            if self._head is not None:
                heads = self._head.feed(data)
                yield from heads
                data = self._head.rest
                for head in heads:
                    whole = self._begin(self._framing(head))
            elif self._chunks is not None:
                yield from self._chunks.feed(data)
                data, whole = self._chunks.rest, self._chunks.done
            else:
                piece = data[: self._missing]
                yield piece
                data = data[len(piece) :]
                if self._missing is not None:
                    self._missing -= len(piece)
                    whole = not self._missing
            if whole:
                self._head = HeadDecoder()
                yield None

    def _begin(self, framing: Framing) -> bool:
        """A body begins; is it empty?"""
        self._head, self._missing = None, framing.length
        self._chunks = ChunkedDecoder() if framing.kind == "chunked" else None
        self.until_close = framing.kind == "close"
        return framing.kind == "none" or framing.length == 0

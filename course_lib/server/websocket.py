"""uvicorn's WebSocket connection, where its own ways would leave something open, unbounded or unsaid.

Rule: whoever does not read is bounded and gone in the end, and an app hears at once that its peer has left. (uvicorn
says so when the last byte for that peer was taken, which may be never.) So

* SEND_QUEUE bytes and one message wait for a reader, and of pongs the last one (RFC 6455 section 5.5.3 allows it);
* a message has at most MAX_FRAGMENTS fragments: empty ones count for nothing in `max_size`;
* CLOSE_PATIENCE seconds after the end, what was not read is thrown away;
* a server that stops says 1001, "going away" (section 7.4.1); uvicorn says 1012, "service restart".

An app finds the connection in `scope["extensions"]["course.websocket"]` and may `configure` it before it accepts.
Left out: frames, pings and the handshake, which uvicorn and `websockets` do; compression.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.protocol import State

SEND_QUEUE = 65_536  # bytes
MAX_FRAGMENTS = 10_000
CLOSE_PATIENCE = 1.0  # seconds


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One connection; uvicorn makes it when a client asks for the upgrade."""

    _late_pong = b""  # for a peer that does not read now

    def configure(self, *, ping: float | None, max_size: int) -> None:
        """ping: seconds between pings, and then until a peer that does not answer is dropped (1011); None: no pings.

        max_size: bytes of a message that are kept; a longer one ends the connection (1009).
        """
        self.ping_interval = self.ping_timeout = ping
        self.conn.max_message_size = max_size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=SEND_QUEUE)
        self.conn.available_extensions = []  # no compression: it would hide from a tap what is said

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # else there is no scope
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions["course.websocket"] = self

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= MAX_FRAGMENTS and not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()
        elif not self.close_sent:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.writable.is_set() or self.conn.state is not State.OPEN:
            super().handle_ping()
        elif pongs := self.conn.data_to_send():  # of all pings of this read
            self._late_pong = pongs[-1]

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._late_pong and not self.transport.is_closing():
            self.transport.write(self._late_pong)
        self._late_pong = b""

    def handle_close(self, event: Any) -> None:
        super().handle_close(event)
        self._gone()

    def eof_received(self) -> None:
        self._gone()  # and asyncio closes

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._gone()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._gone()

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent:
            if self.conn.state is State.OPEN:
                self.conn.send_close(CloseCode.GOING_AWAY)
                self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()
        self._gone()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True  # also by a refusal: uvicorn would log that there was no answer

    def _gone(self) -> None:
        """Nothing more reaches the peer: let the app end now, busy or idle, or waiting to send."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE})
        self.disconnected = self.handshake_complete = True  # as if the connection were lost
        self.writable.set()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        patience = CLOSE_PATIENCE if self.close_timer is None else CLOSE_PATIENCE + self.close_timeout
        self.loop.call_later(patience, self.transport.abort)

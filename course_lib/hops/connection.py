"""One connection through a hop: two ends, and what passes between them.

Rule: bytes are recorded before they are passed on, so whoever has received a byte finds it in the recording.
What one side does to its connection is done to the other: half a close (FIN), a whole one, a reset (RST).
A side that does not read stops the side that writes; about 64 KiB are held for each direction.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Literal, cast

from course_lib.faults import ByteFaults, Close, Send, Wait

HIGH_WATER = 65_536  # bytes held for a side that does not read
CONNECT_DEADLINE = 5.0  # seconds
LINGER = 1.0  # seconds that a client gets to close, too, after it was sent a FIN
Side = Literal["client", "server"]
Note = Callable[[Side, str, bytes], None]


class Connection:
    """Passes bytes between a client and the `upstream` address; `note(side, kind, data)` hears of everything."""

    def __init__(
        self,
        upstream: tuple[str, int],
        faults: ByteFaults,
        note: Note,
        clock: Callable[[], float],
        forget: Callable[["Connection"], None],
    ) -> None:
        self.upstream = upstream
        self.faults = faults
        self.note = note
        self.clock = clock
        self.forget = forget
        self.client = _End(self, "client")
        self.server = _End(self, "server")
        self.queue: deque[Send | Wait | Close] = deque()  # what the faults let out, one piece per turn of the loop
        self.waiting: list[asyncio.Handle | asyncio.Task[None]] = []
        self.wake: asyncio.TimerHandle | None = None
        self.moving = False

    def opened(self, end: "_End") -> None:
        self.note(end.side, "open", b"")
        if end is self.client:
            end.pause()  # until there is somebody to pass it on to
            self.waiting.append(asyncio.get_running_loop().create_task(self._connect()))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await loop.create_connection(lambda: self.server, *self.upstream)
        except OSError:  # TimeoutError is one
            self.note("server", "close", b"")
            self._part()
        else:
            self._obey(self.faults.tick(self.clock()))
        self.client.resume()

    def received(self, end: "_End", data: bytes) -> None:
        if end is self.client:
            self.note("client", "data", data)
            self.server.write(data)
        else:
            self._obey(self.faults.feed(data, self.clock()))

    def finished(self, end: "_End") -> None:
        """`end` has sent its FIN; it may still read."""
        if end is self.server:
            self._obey(self.faults.end(self.clock()))
            return
        self.note("client", "close", b"")
        self.server.finish()
        if self.client.finishing:
            self.end()

    def _obey(self, actions: list[Send | Wait | Close]) -> None:
        self.queue.extend(actions)
        if not self.moving:
            self.move()

    def move(self) -> None:
        """Do what is next; further pieces in further turns, so that a reader has a chance to see them apart."""
        self.moving = False
        if self.queue and not self.client.full:
            action = self.queue.popleft()
            if isinstance(action, Send):
                self.note("server", "data", action.data)
                self.client.write(action.data)
            elif isinstance(action, Wait):
                self._wake_at(action.until)
            else:
                self.note("server", "close", b"")
                self._part()
        if self.queue and not self.client.full:
            self.moving = True
            asyncio.get_running_loop().call_soon(self.move)
        if self.queue or self.client.full or self.faults.held > HIGH_WATER:
            self.server.pause()
        else:
            self.server.resume()

    def _wake_at(self, time: float) -> None:
        if self.wake is not None:
            self.wake.cancel()
        loop = asyncio.get_running_loop()
        self.wake = loop.call_later(max(0.0, time - self.clock()), lambda: self._obey(self.faults.tick(self.clock())))

    def _part(self) -> None:
        """FIN to the client. Its own FIN ends the connection; if the server is gone, so does a second.

        Closing at once would reset the connection when bytes of the client were not read yet.
        """
        self.client.finish()
        if self.client.ended:
            self.end()
        elif not self.server.ended:
            self.server.abort()
            self.waiting.append(asyncio.get_running_loop().call_later(LINGER, self.end))

    def lost(self, end: "_End", error: Exception | None) -> None:
        other = self.server if end is self.client else self.client
        if error is not None:
            self.note(end.side, "reset", b"")
            other.reset()
        if self.client.gone and (self.server.gone or self.server.transport is None):
            self._clear()

    def end(self) -> None:
        """Close both ends, after what is still to be written."""
        self.client.close()
        self.server.close()

    def abort(self) -> None:
        """Close both ends at once."""
        self._clear()
        self.client.abort()
        self.server.abort()

    def _clear(self) -> None:
        self.queue.clear()
        for waiting in (*self.waiting, self.wake):
            if waiting is not None:
                waiting.cancel()
        self.forget(self)


class _End(asyncio.Protocol):
    """One end of a connection: the socket towards the client, or towards the server."""

    def __init__(self, connection: Connection, side: Side) -> None:
        self.connection = connection
        self.side: Side = side
        self.transport: asyncio.Transport | None = None
        self.ended = False  # has sent its FIN
        self.finishing = False  # was sent ours
        self.gone = False
        self.full = False  # does not read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.connection.opened(self)

    def data_received(self, data: bytes) -> None:
        self.connection.received(self, data)

    def eof_received(self) -> bool:
        self.ended = True
        self.connection.finished(self)
        return True  # keep the other direction open

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self.full = False
        self.connection.lost(self, error)

    def pause_writing(self) -> None:
        self.full = True
        if self.side == "server":
            self.connection.client.pause()

    def resume_writing(self) -> None:
        self.full = False
        if self.side == "server":
            self.connection.client.resume()
        elif not self.connection.moving:
            self.connection.move()

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.finishing and not self.transport.is_closing():
            self.transport.write(data)

    def pause(self) -> None:
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.ended:
            self.transport.resume_reading()

    def finish(self) -> None:
        if self.transport is not None and not self.finishing and not self.transport.is_closing():
            self.finishing = True
            self.transport.write_eof()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        if self.transport is not None and not self.gone:
            lingering = self.transport.get_extra_info("socket")
            lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

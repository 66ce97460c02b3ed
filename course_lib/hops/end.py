"""One end of a connection through a hop: the socket towards the client, or towards the server.

Rule: an end knows what its peer did and what was done to it; what follows from that is decided by its `Connection`.
"""

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Literal, cast

from course_lib.server.sockets import reset

if TYPE_CHECKING:
    from course_lib.hops.connection import Connection

HIGH_WATER = 65_536  # bytes held for a side that does not read
Side = Literal["client", "server"]


class End(asyncio.Protocol):
    """An asyncio protocol that tells its connection of everything; pausing, ending and writing may be repeated."""

    def __init__(self, connection: "Connection", side: Side) -> None:
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

    def unread(self) -> bytes:
        """Of a peer that was lost: what it had sent before. A reset that is noticed while writing leaves that there."""
        found = b""
        if self.transport is not None:
            with contextlib.suppress(OSError):  # there is no more
                while part := os.read(self.transport.get_extra_info("socket").fileno(), 65536):
                    found += part
        return found

    def pause_writing(self) -> None:
        self.full = True
        self.connection.flow()

    def resume_writing(self) -> None:
        self.full = False
        if self.side == "server":
            self.connection.flow()
        elif not self.connection.moving:
            self.connection.move()

    @property
    def unsent(self) -> int:
        """Bytes that the peer's machine has not taken; where nobody tells, those that ours has not."""
        if self.transport is None or self.gone:
            return 0
        waiting = self.transport.get_write_buffer_size()
        with contextlib.suppress(ImportError, OSError):  # not on Windows
            import fcntl
            import termios

            answer = fcntl.ioctl(self.transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
            waiting += int.from_bytes(answer, sys.byteorder)
        return waiting

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
            reset(self.transport)

"""Sockets as servers and hops use them: listening on 127.0.0.1, refusing, resetting.

Rule: loopback only, and errors are those of the library. Left out: who accepts, and what is said.
"""

import asyncio
import contextlib
import errno
import socket
import struct
from typing import Any

from course_lib.errors import MisuseError, PortInUse, ServerError


def check_port(port: Any) -> None:
    if type(port) is not int or not 0 <= port <= 65535:
        raise MisuseError(f"a port is a number from 0 (any free one) to 65535; got {port!r}")


def listen(port: int = 0) -> socket.socket:
    """A listening socket on 127.0.0.1. PortInUse, or ServerError with the reason of the system."""
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=2048)
        # Inherited by what it accepts. asyncio does this only for sockets whose protocol it sees, and without it
        # the body of a kept-alive answer waits 40 ms behind its head (Nagle meets the delayed ACK).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"port {port} is taken by another server; stop that one, or use port=0 for a free port"
            ) from None
        raise ServerError(
            f"cannot listen on 127.0.0.1, port {port}: {error.strerror}; port=0 takes a free one"
        ) from None


def refuse(listener: socket.socket) -> None:
    """Refuse new clients, although the loop that should accept them is blocked."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST, which destroys what was not sent yet."""
    lingering = transport.get_extra_info("socket")
    lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()

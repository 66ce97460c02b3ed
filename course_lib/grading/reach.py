"""The judge's end of a closed network: its servers offered inside, a server inside reached from here.

Rule: where the submission shares our network nothing is forwarded. Otherwise a port named in an
argument is made reachable under the same number, so that a check does not know the difference.
Left out: the packets (forward), the part inside the sandbox (host).
"""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

from course_lib.grading import forward

MAX_CONNECTIONS = 256  # of one port during one check
_URL = re.compile(r"(?:https?|wss?)://(?:127\.0\.0\.1|localhost):(\d{1,5})")


def ports_in(value: Any) -> Iterator[int]:
    """The loopback ports that URLs in an argument name."""
    if isinstance(value, str) and "://" in value[:10_000]:
        yield from (int(port) for port in _URL.findall(value[:10_000]) if 0 < int(port) < 65536)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from ports_in(item)
    elif isinstance(value, dict):
        yield from ports_in(list(value.values()))


def answer_inside(port: int, channel: socket.socket) -> None:
    """Connects what the sandbox asks for on `channel` with our own port, on a thread, until the channel ends."""

    def serve() -> None:
        with channel, contextlib.suppress(OSError):
            for _ in range(MAX_CONNECTIONS):
                if channel.recv(1) != forward.ASK:
                    return
                packets = _pass_in(channel)
                try:
                    forward.carry_on_threads(socket.create_connection(("127.0.0.1", port)), packets)
                except OSError:
                    packets.close()  # refused: inside it is a reset

    threading.Thread(target=serve, name="judge-offer", daemon=True).start()


def port_for(channel: socket.socket) -> int:
    """A port on our side whose connections end in the sandbox, for as long as `channel` lives."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with channel, listener, contextlib.suppress(OSError):
            while True:
                forward.carry_on_threads(listener.accept()[0], _pass_in(channel))

    threading.Thread(target=serve, name="judge-dial", daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def _pass_in(channel: socket.socket) -> socket.socket:
    """Gives the sandbox one end for the packets of a new connection. Returns ours."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(channel, [forward.GIVE], [theirs.fileno()])
    return ours

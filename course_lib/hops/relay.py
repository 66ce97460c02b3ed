"""Hops: a TCP relay in front of a server that records what passes, and may cut it up or break it.

Rule: a hop has a `url` to use in place of the server's, and a `recording`. It never rewrites: servers of this
library check the name in `Host`, not its port, so a request through a hop is accepted as it is.
Left out: HTTP (these two know bytes; `holding` knows HTTP), and the faults themselves, see `course_lib.faults`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from course_lib.errors import MisuseError
from course_lib.faults import FaultPlan, plan_for
from course_lib.hops.actions import Between
from course_lib.hops.connection import Connection
from course_lib.hops.end import Side
from course_lib.hops.play import ByteFaults
from course_lib.recording import Recording
from course_lib.server.background import Background, catch_up, replace_older
from course_lib.server.sockets import listen, refuse

PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Hop(Background):
    """A running hop: `url`, `recording`, `stop()`; a context manager.

    `started` is the moment, on time.perf_counter(), from which the recording counts. All hops use that clock, so
    `hop.started + chunk.at` can be compared across hops. Each connection is one `conn` of the recording, its
    server bytes those that left towards the client.
    """

    def __init__(self, kind: str, url: str, title: str, between: Callable[[int], Between]) -> None:
        self._upstream = address(url)
        self._between = between
        self._connections: set[Connection] = set()
        self._count = 0
        self._listener: asyncio.Server | None = None
        self._socket = listen()
        self.port: int = self._socket.getsockname()[1]
        super().__init__(f"{kind}-{self.port}")
        self.url = urlsplit(url)._replace(netloc=f"127.0.0.1:{self.port}").geturl()
        self.recording = Recording(f"{kind} {title}".strip())
        self.started = time.perf_counter()

    async def _open(self) -> None:
        self._listener = await asyncio.get_running_loop().create_server(self._accept, sock=self._socket)

    def _accept(self) -> asyncio.Protocol:
        number = self._count
        self._count += 1

        def note(side: Side, kind: str, data: bytes) -> None:
            self.recording.add(self._now(), number, side, data, kind)

        connection = Connection(self._upstream, self._between(number), note, self._now, self._connections.discard)
        self._connections.add(connection)
        return connection.client

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._socket.close()
        await catch_up()
        for connection in list(self._connections):
            connection.abort()
        await catch_up()

    def _give_up(self) -> None:
        refuse(self._socket)

    def _now(self) -> float:
        return time.perf_counter() - self.started


def tap(url: str) -> Hop:
    """A hop that changes nothing and records everything.

    url: that of a server or of another hop; what follows host and port is kept in the URL of the hop.
    A server that is down shows as a connection that is closed at once. MisuseError for what is no URL.

        with serve(chunked.create_app()) as server, tap(server.url) as hop:
            httpx.get(f"{hop.url}/text")
            for chunk in hop.recording.chunks:
                print(chunk)
    """
    return start("tap", url, "", unchanged)


def chaos(url: str, faults: FaultPlan | str = "split:1", seed: int = 0) -> Hop:
    """A hop that plays byte faults on what the server sends; `course_lib.faults` lists them.

    The same seed (the plan's, plus `seed`) gives the same cuts and places, connection by connection. `*N` limits a
    fault to the first N connections. MisuseError for a fault that is not a byte fault.

        with serve(chunked.create_app()) as server, chaos(server.url, "split:1, reset@200-2000*1", seed=7) as hop:
            httpx.get(f"{hop.url}/text")  # raises httpx.ReadError; the second request would succeed
    """
    plan = plan_for("byte", faults)
    if not isinstance(seed, int):
        raise MisuseError(f"a seed is a whole number; got {seed!r}")
    title, plan = str(plan), replace(plan, seed=plan.seed + seed)
    return start("chaos", url, title, lambda number: ByteFaults(plan.for_answer(number), plan.seed + number))


def start(kind: str, url: str, title: str, between: Callable[[int], Between]) -> Hop:
    """A running hop that plays `between(n)` for connection number n."""
    address(url)
    replace_older()
    return Hop(kind, url, title, between).start()


def unchanged(number: int) -> Between:
    """What a tap plays."""
    return ByteFaults(FaultPlan())


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):
        parts = urlsplit(url)
        if parts.hostname:
            return parts.hostname, parts.port or PORTS[parts.scheme]
    raise MisuseError(f"a hop needs the URL of a server, such as server.url, 'http://127.0.0.1:8000'; got {url!r}")


def plain_http(url: str) -> tuple[str, int]:
    """Host and port of a URL, for a hop that has to read what passes."""
    found = address(url)
    if urlsplit(url).scheme not in ("http", "ws"):
        raise MisuseError(f"this hop speaks plain HTTP to its server, which TLS would hide from it; got {url!r}")
    return found

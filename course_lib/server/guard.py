"""What stands between uvicorn and every app: an ASGI wrapper.

Rule: it works for any app, changes no bytes and no status of an answer, and costs little per event.
It refuses foreign `Host` names (DNS rebinding), gives the event loop a turn after each piece of a body (a
generator without a real await can then freeze nobody), stops apps that send on to a client that has left,
counts, and answers `GET /-/stats`. Apps find the server's services in `scope["extensions"]["course"]`.
Left out: `Origin`, which is the business of apps that speak WebSocket.
"""

import asyncio
import gc
import json
import types
from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

from course_lib.errors import MisuseError
from course_lib.server.background import catch_up
from course_lib.server.http2 import send_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STATS_PATH = "/-/stats"
PATIENCE = 0.1  # seconds


class ClientGone(OSError):
    """An app went on sending after its client had left (ASGI 2.4 asks for an OSError)."""


class Services:
    """What an app may ask of its server, one for each request."""

    __slots__ = ("_guard", "_scope", "own_turns")

    def __init__(self, guard: "Guard", scope: Scope) -> None:
        self._guard = guard
        self._scope = scope
        self.own_turns = False  # set by an app that gives the event loop its turns itself

    @property
    def hosts(self) -> frozenset[str]:
        """The names that the server answers to."""
        return self._guard.hosts

    @contextmanager
    def generation(self) -> Iterator[None]:
        """Count a model at work, as long as the block runs."""
        self._guard.generations += 1
        try:
            yield
        finally:
            self._guard.generations -= 1

    async def hang_up(self, *, reset: bool) -> None:
        """End the connection after what was sent so far: with FIN, or with RST."""
        await self._guard.hang_up(self._scope, reset)

    @contextmanager
    def heeding_stop(self, end: Callable[[], None]) -> Iterator[None]:
        """While the block runs: when the server stops it calls `end`, and gives this task a moment to say goodbye."""
        task = asyncio.current_task()
        assert task is not None
        self._guard.heeding[task] = end
        try:
            yield
        finally:
            del self._guard.heeding[task]


class Guard:
    """Wraps `app`; `hosts` are the names it may be called by, on any port; see `host_names`."""

    def __init__(self, app: App, hosts: frozenset[str], connections: Callable[[], int], hang_up: Any) -> None:
        self.app = app
        self.hosts = hosts
        self.connections = connections
        self.hang_up = hang_up
        self.streams = 0
        self.generations = 0
        self.heeding: dict[asyncio.Task[Any], Callable[[], None]] = {}  # by the task that says goodbye
        self._collecting = False

    @property
    def stats(self) -> dict[str, int]:
        return {"connections": self.connections(), "streams": self.streams, "generations": self.generations}

    async def say_goodbye(self, patience: float) -> None:
        """Ask the streams that heed it to end, and wait until they have, or for so many seconds.

        The seconds are for those that cannot: a few turns of the loop, however long they take, are enough for others.
        """
        told = dict(self.heeding)
        for end in told.values():
            end()
            await asyncio.sleep(0)  # one by one: `stop` takes a loop that makes no turn for a blocked one
        await catch_up()
        if told:
            await asyncio.wait(told, timeout=patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif problem := self._misdirected(scope):
            await _answer(scope, receive, send, 421, "text/plain; charset=utf-8", problem)
        elif scope["type"] == "http" and scope["path"] == STATS_PATH:
            await _answer(scope, receive, send, 200, "application/json", json.dumps(self.stats))
        else:
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        services = Services(self, scope)
        scope = {**scope, "extensions": {**(scope.get("extensions") or {}), "course": services}}
        # uvicorn drops silently what is sent to a client that has left; its cycle knows
        cycle = getattr(send, "__self__", None)
        http2, streaming = scope.get("http_version") == "2", False

        async def checked_send(message: Message) -> None:
            nonlocal streaming
            if getattr(cycle, "disconnected", False):
                await asyncio.sleep(PATIENCE)  # apps that listen for the disconnect end here, cancelled
                raise ClientGone("the client has left; nothing can be sent to it any more")
            more = message.get("more_body") or message["type"] in ("websocket.accept", "websocket.send")
            if more and not streaming:  # counted before: whoever has received a piece finds it in the stats
                streaming = True
                self.streams += 1
            if http2 and message["type"] == "http.response.body":
                await send_body(send, cycle, message)
            else:
                await send(message)
            if more and not services.own_turns:
                await _turn()

        try:
            await self.app(scope, receive, checked_send)
        except ClientGone:
            pass
        finally:
            self.streams -= streaming
            if streaming and not services.own_turns and getattr(cycle, "disconnected", False):
                self._collect_soon()

    def _collect_soon(self) -> None:
        """Close the generator of a stream that was left between two events.

        It hangs in a reference cycle (cancelled task, exception, frame) and would run its `finally` at some
        garbage collection; a learner who watches it should not have to wait for that.
        """
        if not self._collecting:
            self._collecting = True
            with suppress(RuntimeError):  # the event loop has ended
                asyncio.get_running_loop().call_later(PATIENCE, self._collect)

    def _collect(self) -> None:
        self._collecting = False
        gc.collect()

    def _misdirected(self, scope: Scope) -> str:
        """Why this request is not for us, or an empty text (RFC 9110, section 7.2: Host names the target)."""
        names = [value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b":authority")]
        if not names and scope.get("http_version") == "1.0":
            return ""  # HTTP/1.0 knows no Host, and browsers do not speak it
        if len(set(names)) == 1 and host_name(names[0]) in self.hosts:
            return ""
        allowed = ", ".join(sorted(self.hosts))
        return f"This server answers to the names {allowed}; Host was {', '.join(names) or 'missing'}.\n"


@types.coroutine
def _turn() -> Generator[None, None, None]:
    """asyncio.sleep(0) without its overhead."""
    yield


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, _, port = host.partition(":")
    return (host if ":" in port else name).lower()  # ::1 as people write it


def host_names(more: Any) -> frozenset[str]:
    """The names of loopback, and more of them: a text or several. MisuseError for what is no name."""
    try:
        names = frozenset({*LOOPBACK, *map(host_name, (more,) if isinstance(more, str) else more)})
    except (TypeError, AttributeError):
        names = frozenset({""})
    if "" in names:
        raise MisuseError(f"hosts are the names of a server, such as ['my.example']; got {more!r}")
    return names


async def _answer(scope: Scope, receive: Receive, send: Send, status: int, kind: str, text: str) -> None:
    """A small answer; a WebSocket is refused with it before it is accepted, where the server can do that."""
    prefix = ""
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": text[:120]})
            return
        prefix = "websocket."
    body = text.encode()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": f"{prefix}http.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body, "more_body": False})

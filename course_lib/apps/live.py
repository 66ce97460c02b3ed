"""Answers that are sent while they are made: the part that is the same for every wire format.

Rule: the first piece is awaited before the head is sent, so that an early failure can still have a status of
its own; a later failure cuts the answer off, visibly. When the client leaves, the work is cancelled at once,
busy or idle. A checkpoint after each piece gives the event loop its turn, unless it had one in the last
100 microseconds: nobody is frozen by a generator that never awaits, and a burst costs little. Nothing is created
per piece: a stream has two tasks and one timer, whatever its length. When the server stops, iterators are
cancelled and clients told: by a last piece, by 503 when nothing was sent yet, or else by a cut.
Left out: formats (`sse`, `chunked`, `openai_api`).
"""

import asyncio
import contextlib
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from course_lib.errors import MisuseError

TURN_EVERY = 100e-6  # seconds
STOPPING = "The server is shutting down."  # what a goodbye says, in the words of its format
T = TypeVar("T")


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let every other task of the event loop run once: asyncio.sleep(0), without its overhead."""
    yield


class HangUp(Exception):
    """Raised by an iterator of pieces: end the connection here, with RST if `reset`, else with FIN."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("reset" if reset else "cut")
        self.reset = reset


def services_of(scope: Scope) -> Any:
    """The `Services` of our server for this request; None under any other server."""
    return (scope.get("extensions") or {}).get("course")


def generation(scope: Scope) -> AbstractContextManager[None]:
    """Tell the server, if it counts them, that a model is at work while the block runs."""
    services = services_of(scope)
    return services.generation() if services is not None else nullcontext()


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """Run `work` and return its result; when the client leaves first, cancel it and return None.

    The body of the request must have been read before. A task of its own for the work is not only simple but
    fast: each turn of the loop then wakes a short stack, without the frames of routers and middleware.
    """
    task, leaving = asyncio.create_task(work), asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            if not task.cancelled():
                task.exception()  # an error while cleaning up for nobody: looked at, so that asyncio is quiet


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_wanted(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """`while_connected`, and HTTPException 503 when the server stops first."""
    services, stopped = services_of(request.scope), False
    task = asyncio.ensure_future(while_connected(request.receive, work))

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    with services.heeding_stop(stop) if services is not None else nullcontext():
        try:
            return await task
        except asyncio.CancelledError:
            if not stopped:
                raise
            raise HTTPException(503, STOPPING) from None


def check_ping(ping: Any) -> None:
    """MisuseError unless it is a time after which a silent stream can be given a keepalive."""
    number = isinstance(ping, int | float) and not isinstance(ping, bool)
    if ping is not None and not (number and ping > 0):
        raise MisuseError(f"ping is a number of seconds above 0, or None for no keepalive; got {ping!r}")


class LiveStream(Response):
    """A response whose body is an async iterator; each piece leaves before the next is asked for.

    pieces: what `encode` takes, here bytes. ping: after so many seconds of silence `ping_bytes` are sent
    (None: never). goodbye: the last piece when the server stops (None: the stream is cut off); the iterator may
    still set it, as bytes, while it ends.
    MisuseError when `pieces` is no async iterator, or `ping` no positive time.
    """

    ping_bytes = b""
    started = False  # the head is on its way, perhaps because of a ping: too late for another status

    def __init__(
        self,
        pieces: AsyncIterator[Any],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        ping: float | None = None,
        goodbye: Any = None,
    ) -> None:
        if not hasattr(pieces, "__anext__"):
            raise MisuseError(
                f"a stream needs an async iterator, such as an `async def` with `yield` that was called; got {pieces!r}"
            )
        check_ping(ping)
        self.pieces = pieces
        self.ping = ping
        self.goodbye = None if goodbye is None else self.encode(goodbye)
        self.status_code = status_code
        self.media_type = media_type or self.media_type
        self.background = None
        given = {name.lower(): value for name, value in (headers or {}).items()}  # each replaces ours, never joins it
        self.init_headers({"cache-control": "no-store, no-transform", "x-accel-buffering": "no", **given})

    def encode(self, piece: Any) -> bytes:
        """The bytes of one piece."""
        return bytes(piece)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services, pump = services_of(scope), _Pump(self, send)
        if services is None:
            await while_connected(receive, pump.run())  # any server cuts the connection after a HangUp
            return
        services.own_turns = True
        with services.heeding_stop(pump.stop):
            try:
                await while_connected(receive, pump.run())
            except HangUp as end:
                await services.hang_up(reset=end.reset)
            except asyncio.CancelledError:
                if not pump.stopped or (self.started and self.goodbye is None):
                    raise
                if not self.started:
                    raise HTTPException(503, STOPPING) from None
                await send({"type": "http.response.body", "body": self.goodbye, "more_body": False})


class _Pump:
    """Sends one stream: head, pieces, pings in the pauses, end."""

    def __init__(self, stream: LiveStream, send: Send) -> None:
        self.stream = stream
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.task: asyncio.Task[Any] | None = None  # at work
        self.stopped = False
        self.last = self.loop.time()
        self.ping_task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """The server stops: nothing more is asked for."""
        if self.task is not None:
            self.stopped = True
            self.task.cancel()

    async def run(self) -> None:
        self.task = asyncio.current_task()
        if self.stream.ping is not None:
            self.timer = self.loop.call_later(self.stream.ping, self._look)
        try:
            await self._pieces()
        except HangUp:
            await self._ping_sent()
            await self.head()
            raise
        finally:
            for waiting in (self.timer, self.ping_task):
                if waiting is not None:
                    waiting.cancel()
            close: Callable[[], Awaitable[None]] | None = getattr(self.stream.pieces, "aclose", None)
            if close is not None:
                await close()

    async def head(self) -> None:
        stream = self.stream
        if not stream.started:
            stream.started = True
            await self.send(
                {"type": "http.response.start", "status": stream.status_code, "headers": stream.raw_headers}
            )

    async def _pieces(self) -> None:
        stream, send, clock, turned = self.stream, self.send, self.loop.time, 0.0
        async for piece in stream.pieces:
            data = piece if type(piece) is bytes else stream.encode(piece)
            if self.ping_task is not None:
                await self._ping_sent()
            if not stream.started:
                await self.head()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            self.last = now = clock()
            if now - turned >= TURN_EVERY:
                await turn()
                turned = clock()
        await self._ping_sent()
        await self.head()
        self.task = None  # too late to stop: the end is being sent
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _look(self) -> None:
        """The timer: one for the whole stream. A ping that still waits for the client to read is enough."""
        ping = self.stream.ping or 0.0
        silent = self.loop.time() - self.last
        if silent >= ping and self.ping_task is None:
            self.ping_task = self.loop.create_task(self._ping())
        self.timer = self.loop.call_later(ping - silent if silent < ping else ping, self._look)

    async def _ping_sent(self) -> None:
        if self.ping_task is not None:
            await asyncio.wait((self.ping_task,))

    async def _ping(self) -> None:
        with contextlib.suppress(OSError):  # the client has left; the stream will notice
            await self.head()
            await self.send({"type": "http.response.body", "body": self.stream.ping_bytes, "more_body": True})
            self.last = self.loop.time()
        self.ping_task = None

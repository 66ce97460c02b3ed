"""`serve(app)`: uvicorn on a thread and event loop of its own, on 127.0.0.1.

Rule: ready when `serve` returns, gone when `stop` returns, and not a word printed: what uvicorn would log
is caught, the last error is kept in `server.last_error`. uvicorn is imported on first use (about 0.1 s).
Left out: other interfaces than loopback, reloading, several processes, and uvloop: with a turn of the loop per
event it is no faster, and it holds a write back until the turn, so that bytes would lie about when they were sent.
"""

import asyncio
import contextlib
import inspect
import logging
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from course_lib.errors import MisuseError, ServerError
from course_lib.server.background import CLEANUP, Background, catch_up, replace_older
from course_lib.server.guard import App, Guard, Scope, host_names
from course_lib.server.http2 import reset_stream
from course_lib.server.sockets import check_port, listen, refuse, reset
from course_lib.server.tls import Certificate

HTTP = ("h11", "httptools", "zttp")
GOODBYE = 0.3  # seconds that open streams get, all together, to tell their clients of the end
OPEN_FILES = 8192  # a connection is a file; the usual limit of 1024 is too low for 2,000 streams


def serve(
    app: App,
    *,
    port: int = 0,
    http: str | None = None,
    http2: bool = False,
    tls: bool = False,
    hosts: Iterable[str] = (),
    name: str = "server",
) -> "Server":
    """Serve an ASGI app on 127.0.0.1 and return when it accepts connections.

    port: 0 takes a free one. http: the HTTP/1.1 implementation, "h11" (None), "httptools" or "zttp".
    http2=True adds HTTP/2, which "zttp" speaks (None): with prior knowledge, or by ALPN with TLS; docs/http2.md says
    what it can and cannot do. tls=True makes a throw-away certificate; `server.ca_file` names its CA.
    hosts: further names, beside 127.0.0.1, localhost and ::1, that Host, or :authority, of a request may carry.
    A notebook cell that runs again replaces its servers. PortInUse, or ServerError with the app's own error
    text when it fails at start-up; MisuseError for impossible arguments.

        with serve(chunked.create_app(), http2=True, tls=True) as server:
            verify = ssl.create_default_context(cafile=server.ca_file)
            with httpx.Client(http2=True, verify=verify) as client:
                answer = client.get(f"{server.url}/text")  # answer.http_version == "HTTP/2"
    """
    http = http or ("zttp" if http2 else "h11")
    _check(app, http, http2)
    check_port(port)
    names = host_names(hosts)
    replace_older()
    return Server(app, port, http, http2, tls, names, name).start()


class Server(Background):
    """A running server: `url`, `port`, `stats`, `last_error`, `ca_file` (with TLS), `stop()`; a context manager."""

    def __init__(
        self, app: App, port: int, http: str, http2: bool, tls: bool, hosts: frozenset[str], name: str
    ) -> None:
        import uvicorn

        self._socket = listen(port)
        self.port: int = self._socket.getsockname()[1]
        super().__init__(f"{name}-{self.port}")
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.last_error: str | None = None
        self.ca_file: str | None = None
        self._certificate: Certificate | None = None
        self._closing = False
        try:
            more: dict[str, Any] = {"ws": "course_lib.server.websocket:WebSocketConnection"}
            if tls:
                self._certificate = Certificate(hosts)
                self.ca_file = self._certificate.ca_file
                more |= {"ssl_certfile": self._certificate.chain_file, "ssl_keyfile": self._certificate.key_file}
            self._guard = Guard(app, hosts, self._count_connections, self._hang_up)
            config = uvicorn.Config(
                self._guard, http=http, http2=http2, log_config=None, proxy_headers=False, interface="asgi3", **more
            )
            config.load()
            if self._certificate is not None:
                self._certificate.forget_key()
            self._uvicorn = uvicorn.Server(config)
        except BaseException:
            self._release()
            raise
        _allow_open_files()
        _quiet.watch()

    @property
    def stats(self) -> dict[str, int]:
        """Live counts: open connections, answers being streamed (and WebSockets), models at work."""
        return self._guard.stats

    def _run(self) -> None:
        _quiet.servers[threading.get_ident()] = self
        try:
            super()._run()
        finally:
            del _quiet.servers[threading.get_ident()]

    async def _open(self) -> None:
        engine = self._uvicorn
        engine.lifespan = engine.config.lifespan_class(engine.config)
        await engine.on_tick(0)  # sets the Date header
        try:
            await engine.startup(sockets=[self._socket])
        except SystemExit:
            text = (self.last_error or "no reason was given").strip()
            error = ServerError(f"{self} did not start, its app failed at start-up: {text.splitlines()[-1]}")
            error.add_note(text)
            raise error from None
        self._clock = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self._uvicorn.on_tick(0)

    async def _close(self) -> None:
        self._closing = True
        for listener in getattr(self._uvicorn, "servers", []):
            listener.close()
        self._release()
        await catch_up()
        engine, state = self._uvicorn, self._uvicorn.server_state
        for connection in list(state.connections):
            connection.shutdown()  # idle ones close, WebSockets are told so
        await self._guard.say_goodbye(GOODBYE)
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLEANUP)
        if engine.started:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(engine.lifespan.shutdown(), CLEANUP)
        for connection in list(state.connections):
            connection.transport.abort()
        await catch_up()

    def _release(self) -> None:
        self._socket.close()
        if self._certificate is not None:
            self._certificate.remove()

    def _give_up(self) -> None:
        refuse(self._socket)

    def _count_connections(self) -> int:
        return len(self._uvicorn.server_state.connections)

    async def _hang_up(self, scope: Scope, with_reset: bool) -> None:
        connections = self._uvicorn.server_state.connections
        if await reset_stream(list(connections), scope, with_reset):
            return
        for connection in list(connections):
            transport = connection.transport
            if getattr(connection, "client", None) != scope["client"]:
                continue
            if transport.is_closing():  # the client was first: still to be waited for, or it counts as an error
                pass
            elif with_reset:
                await _until(lambda: not transport.get_write_buffer_size())  # noqa: B023
                reset(transport)
            else:
                transport.close()
            await _until(lambda: connection not in connections)  # noqa: B023

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._note(traceback.format_exception(error) if error else [context["message"]])

    def _note(self, lines: list[str]) -> None:
        if self._closing or (self.last_error and not self.running):
            return  # cut streams at the end are no news, and the first error at start-up says the most
        self.last_error = "".join(lines).strip()


class _Quiet(logging.Filter):
    """Catches what uvicorn and asyncio log in our threads. Other servers of the process log as they did."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[int, Server] = {}

    def watch(self) -> None:
        for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio"):
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        server = self.servers.get(record.thread or 0)
        if server is not None and record.levelno >= logging.ERROR and not server._closing:  # formatting is slow
            server._note(traceback.format_exception(*record.exc_info) if record.exc_info else [record.getMessage()])
        # An app that could not be cancelled is collected after the end, on any thread.
        collected = record.exc_info is not None and record.exc_info[0] is GeneratorExit
        return server is None and not collected


_quiet = _Quiet()


def _check(app: Any, http: str, http2: bool) -> None:
    try:
        signature = inspect.signature(app)
        signature.bind({}, None, None)
        if all(parameter.default is not parameter.empty for parameter in signature.parameters.values()):
            raise TypeError("an app needs its arguments")  # create_app(model=None, faults=None, ...) does not
    except (TypeError, ValueError):
        called = " (a factory? then call it)" if callable(app) else ""
        raise MisuseError(
            f"serve() takes an ASGI app, called with (scope, receive, send); got {app!r}{called}"
        ) from None
    if http not in HTTP:
        raise MisuseError(f"http is one of {', '.join(HTTP)}; got {http!r}")
    if http2 and http != "zttp":
        raise MisuseError(f'HTTP/2 is spoken by http="zttp" only, got http={http!r}: leave http out with http2=True')


async def _until(done: Callable[[], bool], patience: float = 0.5) -> None:
    """Poll each millisecond; after `patience` seconds go on all the same."""
    for _ in range(int(patience * 1000)):
        if done():
            return
        await asyncio.sleep(0.001)


def _allow_open_files() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, or not allowed
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < OPEN_FILES:
            wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))

"""What the tests of HTTP/2 share: an app that speaks when it is told to, a raw client, and a hop that takes off TLS.

Rule: nothing here waits for a time. The app says what the test pushes, and tells how each of its streams ended.
"""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from h2.errors import ErrorCodes
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from course_lib.apps.live import generation
from course_lib.apps.sse import EventStream
from course_lib.server.background import Background, catch_up
from course_lib.server.guard import LOOPBACK
from course_lib.server.tls import Certificate
from tests.streams.peers import eventually

PATIENCE = 60  # seconds


def wait_for(done, what="it"):
    """What `done()` gives as soon as it is true."""
    value = eventually(done, PATIENCE)
    assert value, f"{what} did not happen"
    return value


class Steps:
    """`/steps/<name>` gives the event "first" at once, and others when the test pushes them; `endings` says how."""

    def __init__(self):
        self.endings, self._queues, self.most = {}, {}, 0
        routes = [Route("/steps/{name}", self._steps, methods=["GET", "POST"])]
        routes += [Route("/ping", self._ping), Route("/", self.page)]
        self.app = Starlette(routes=routes)

    async def _steps(self, request):
        name, queue = request.path_params["name"], asyncio.Queue()
        self._queues[name] = asyncio.get_running_loop(), queue
        self.most = max(self.most, len(self._queues))

        async def events():
            self.endings[name] = "cancelled"
            try:
                with generation(request.scope):
                    yield "first"
                    while (text := await queue.get()) is not None:
                        yield text
                self.endings[name] = "complete"
            finally:
                del self._queues[name]

        return EventStream(events(), ping=None)

    async def _ping(self, request):
        return PlainTextResponse("pong")

    async def page(self, request):
        return HTMLResponse("<!doctype html><title>HTTP/2</title>")

    def push(self, name, text):
        """The next event of a stream; None ends it."""
        with suppress(KeyError):  # it has ended meanwhile
            loop, queue = self._queues[name]
            loop.call_soon_threadsafe(queue.put_nowait, text)

    def open_now(self):
        return list(self._queues)

    def ended(self, name):
        """How a stream has ended; None while it runs."""
        return None if name in self._queues else self.endings.get(name)


class RawHttp2:
    """A client on the library h2. It resets, stalls and grants windows as it is told. Use `with`."""

    def __init__(self, url, context=None):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http2.initiate_connection()
        self.scheme, self.events, self.stalled = parts.scheme, [], set()

    def __enter__(self):
        self.flush()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.http2.data_to_send())

    def get(self, path, *fields, authority="localhost"):
        """Send a request; the number of its stream."""
        stream = self.http2.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", self.scheme), (":authority", authority), (":path", path), *fields]
        self.http2.send_headers(stream, head, end_stream=True)
        self.flush()
        return stream

    def reset(self, stream):
        self.http2.reset_stream(stream, ErrorCodes.CANCEL)
        self.flush()

    def grant(self, size, stream=None):
        self.http2.increment_flow_control_window(size, stream)
        self.flush()

    def read(self):
        """Take in what comes next; windows are kept open but for the streams in `stalled`. False at the end."""
        data = self.socket.recv(65536)
        for event in self.http2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                if event.stream_id in self.stalled:  # the connection's window is everybody's
                    self.http2.increment_flow_control_window(event.flow_controlled_length)
                else:
                    self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        with suppress(OSError):
            self.flush()
        return bool(data)

    def until(self, kind, stream=None):
        """Read until an event of this class has come (on this stream), and return it."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and stream in (None, getattr(event, "stream_id", None)):
                    return event
            assert self.read(), f"the connection ended without {kind.__name__}: {self.events[-3:]}"

    def body(self, stream):
        """What has come of a body."""
        data = h2.events.DataReceived
        return b"".join(e.data for e in self.events if isinstance(e, data) and e.stream_id == stream)

    def read_body(self, stream, wanted):
        """Read until `wanted` stands in a body."""
        while wanted not in self.body(stream):
            assert self.read(), "the connection ended"


class TlsFront(Background):
    """TLS with ALPN for h2 in front of a cleartext port: what is behind it sees the frames."""

    def __init__(self, url):
        self._socket = socket.create_server(("127.0.0.1", 0))
        super().__init__("tls-front")
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"
        self._upstream = urlsplit(url)
        self._certificate = Certificate(LOOPBACK)
        self.ca_file = self._certificate.ca_file
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self._certificate.chain_file, self._certificate.key_file)
        self._context.set_alpn_protocols(["h2"])
        self._open_now = set()

    async def _open(self):
        self._server = await asyncio.start_server(self._pass, sock=self._socket, ssl=self._context)

    async def _pass(self, reader, writer):
        task = asyncio.current_task()
        self._open_now.add(task)
        async with AsyncExitStack() as stack:
            stack.callback(self._open_now.discard, task)
            stack.callback(writer.transport.abort)
            up_reader, up_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
            stack.callback(up_writer.close)
            pumps = [asyncio.create_task(_pump(reader, up_writer)), asyncio.create_task(_pump(up_reader, writer))]
            for pump in pumps:
                stack.callback(pump.cancel)
            with suppress(asyncio.CancelledError):
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)

    async def _close(self):
        self._server.close()
        self._certificate.remove()
        for task in list(self._open_now):
            task.cancel()
        if self._open_now:
            await asyncio.wait(list(self._open_now), timeout=1)
        await catch_up()


async def _pump(reader, writer):
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

"""HTTP/2 on real sockets: many streams on one connection, each with a reader, a window and an end of its own."""

import asyncio
import json
import ssl
import subprocess
import threading

import h2.events
import httpx
import httpx2
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.sync.client import connect as connect_websocket

from course_lib import ScriptedModel, serve, tap
from course_lib.apps import chunked, openai_api
from course_lib.server import http2 as server_http2
from course_lib.views import http2_view
from course_lib.views.http2 import Frames
from tests.streams.h2_peers import RawHttp2, Steps, wait_for
from tests.streams.leaving import check_fact

WINDOW = 65_535  # bytes that may be sent before the reader grants more (RFC 9113, section 6.9.2)
DATA, ENDED, RESET = h2.events.DataReceived, h2.events.StreamEnded, h2.events.StreamReset

both_libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


@pytest.fixture
def steps_server():
    steps = Steps()
    with serve(steps.app, http2=True) as server:
        yield steps, server


def counts(server, connections, streams, generations):
    wanted = {"connections": connections, "streams": streams, "generations": generations}
    wait_for(lambda: server.stats == wanted, f"{wanted}, but {server.stats}")


def one_app(path, endpoint):
    routes = [Route(path, endpoint), Route("/ping", lambda request: PlainTextResponse("pong"))]
    return Starlette(routes=routes)


# which protocol


@pytest.mark.parametrize("tls", [False, True], ids=["prior knowledge", "ALPN"])
def test_http2_needs_no_other_argument(tls, steps_server):
    with serve(Steps().app, http2=True, tls=tls) as server:
        verify = ssl.create_default_context(cafile=server.ca_file) if tls else True
        with httpx.Client(http1=tls, http2=True, verify=verify) as client:
            assert client.get(f"{server.url}/ping").http_version == "HTTP/2"


@pytest.mark.parametrize("offered", [None, ["http/1.1"], ["h2", "http/1.1"]], ids=["no ALPN", "http/1.1", "both"])
def test_alpn_decides_and_a_client_without_it_gets_http_1_1(offered):
    with serve(Steps().app, http2=True, tls=True) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        if offered:
            context.set_alpn_protocols(offered)
        client = RawHttp2(server.url, context)
        with client.socket as raw:
            chosen = raw.selected_alpn_protocol()
            assert chosen == (offered and offered[0])
            if chosen != "h2":
                raw.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert raw.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_http_1_1_and_its_websockets_go_on_beside_http_2():
    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    app = Starlette(routes=[WebSocketRoute("/ws", echo), *one_app("/", None).routes[1:]])
    with serve(app, http2=True, tls=True) as server:
        trusted = ssl.create_default_context(cafile=server.ca_file)
        assert httpx.get(f"{server.url}/ping", verify=trusted).http_version == "HTTP/1.1"
        with connect_websocket(f"wss://127.0.0.1:{server.port}/ws", ssl=trusted) as peer:
            peer.send("hi")
            assert peer.recv(timeout=60) == "hi"


def test_curl_speaks_it_both_ways():
    for options in ({}, {"tls": True}):
        with serve(Steps().app, http2=True, **options) as server:
            how = ["--http2", "--cacert", server.ca_file] if options else ["--http2-prior-knowledge"]
            command = ["curl", "-sS", *how, "-w", " %{http_version}", f"{server.url}/ping"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            assert said.stdout == "pong 2"


def test_the_name_is_that_of_the_authority_and_a_foreign_one_is_refused(steps_server):
    _, server = steps_server
    with RawHttp2(server.url) as client:
        for authority, status in [("localhost:1", "200"), ("evil.example", "421"), ("127.0.0.1.evil.example", "421")]:
            stream = client.get("/ping", authority=authority)
            assert dict(client.until(h2.events.ResponseReceived, stream).headers)[":status"] == status


def test_headers_that_http_2_forbids_are_never_sent():
    async def careless(request):
        return PlainTextResponse("x", headers={"Connection": "keep-alive", "Keep-Alive": "5", "Upgrade": "h2c"})

    with serve(one_app("/", careless), http2=True) as server, RawHttp2(server.url) as client:
        headers = dict(client.until(h2.events.ResponseReceived, client.get("/")).headers)
        assert headers[":status"] == "200"
        assert not {"connection", "keep-alive", "upgrade", "transfer-encoding"} & headers.keys()


def test_bytes_that_are_no_frames_end_the_connection_with_a_goaway_and_nothing_is_printed(steps_server, capfd):
    _, server = steps_server
    with RawHttp2(server.url) as client:
        client.until(h2.events.SettingsAcknowledged)
        client.socket.sendall(b"\0\0\x01\x06\0\0\0\0\0x")  # a PING of one byte
        assert client.until(h2.events.ConnectionTerminated).error_code == ErrorCodes.FRAME_SIZE_ERROR
    assert capfd.readouterr() == ("", "")


# many streams


@both_libraries
@pytest.mark.parametrize("count", [100, 150])
def test_one_connection_carries_a_hundred_streams_and_what_is_above_waits_without_an_error(
    library, count, steps_server
):
    """The limit of 100 is that of the clients: the server would take 128."""
    steps, server = steps_server

    async def read(client, name):
        answer = await client.get(f"{server.url}/steps/{name}")
        return answer.text

    async def all_of_them():
        async with library.AsyncClient(http1=False, http2=True, timeout=None) as client:
            tasks = [asyncio.create_task(read(client, str(number))) for number in range(count)]
            await asyncio.to_thread(counts, server, 1, 100, 100)
            while not all(task.done() for task in tasks):
                for name in steps.open_now():
                    steps.push(name, f"last of {name}")
                    steps.push(name, None)
                await asyncio.sleep(0.005)
            return [await task for task in tasks]

    texts = asyncio.run(asyncio.wait_for(all_of_them(), 60))
    assert texts == [f"data: first\n\ndata: last of {name}\n\n" for name in range(count)]
    assert steps.most == 100


def test_a_stream_above_the_limit_of_the_server_is_refused_and_the_others_go_on(steps_server):
    steps, server = steps_server
    with RawHttp2(server.url) as client:
        client.until(h2.events.RemoteSettingsChanged)
        limit = client.http2.remote_settings.max_concurrent_streams
        streams = [client.get(f"/steps/{number}") for number in range(limit)]
        for stream in streams:
            client.read_body(stream, b"first")
        counts(server, 1, limit, limit)
        client.http2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = limit + 1  # a client that cannot count
        client.http2.remote_settings.acknowledge()
        assert client.until(RESET, client.get("/steps/refused")).error_code == ErrorCodes.REFUSED_STREAM
        steps.push("5", "still here")
        client.read_body(streams[5], b"still here")
        counts(server, 1, limit, limit)


def test_what_the_server_announces_is_in_the_documentation(steps_server):
    _, server = steps_server
    with tap(server.url) as hop:
        with httpx.Client(http1=False, http2=True) as client:
            client.get(f"{hop.url}/ping")
        announced = next(frame for frame in Frames(hop.recording).of("server") if frame.type == "SETTINGS")
    check_fact(f"`{announced.told}`")


def test_the_counts_can_be_read_from_outside_over_the_same_connection(steps_server):
    _, server = steps_server
    with RawHttp2(server.url) as client:
        for name in ("a", "b"):
            client.read_body(client.get(f"/steps/{name}"), b"first")
        counts(server, 1, 2, 2)
        asked = client.get("/-/stats")
        client.until(ENDED, asked)
        assert json.loads(client.body(asked)) == {"connections": 1, "streams": 2, "generations": 2}


# windows


class Flood:
    """`/flood` sends 10 kB pieces without end, as fast as it is let; `made` counts their bytes."""

    def __init__(self):
        self.made, self.closed = 0, threading.Event()
        self.app = one_app("/flood", self.flood)

    async def flood(self, request):
        async def pieces():
            try:
                while True:
                    self.made += 10_000
                    yield b"x" * 10_000
            finally:
                self.closed.set()

        return StreamingResponse(pieces())


def test_a_reader_that_stalls_stalls_its_own_stream_only_and_its_app_waits():
    flood = Flood()
    with serve(flood.app, http2=True) as server, RawHttp2(server.url) as client:
        stalled = client.get("/flood")
        client.stalled.add(stalled)
        client.read_body(stalled, b"x" * WINDOW)
        for _ in range(50):
            client.read_body(client.get("/ping"), b"pong")
        assert len(client.body(stalled)) == WINDOW
        assert flood.made <= WINDOW + server_http2.MAX_PARKED + 2 * 10_000
        client.grant(WINDOW, stalled)
        client.read_body(stalled, b"x" * 2 * WINDOW)
        client.reset(stalled)
        assert flood.closed.wait(60), "one that waits for its reader notices when the reader leaves"


def test_an_app_that_waits_for_its_reader_and_hears_nothing_else_ends_when_the_connection_does():
    ended = threading.Event()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
        finally:
            ended.set()

    with serve(app, http2=True) as server:
        with RawHttp2(server.url) as client:
            client.stalled.add(1)
            client.read_body(client.get("/"), b"x" * WINDOW)
        assert ended.wait(60)


def test_a_reader_that_grants_nothing_at_all_stalls_the_whole_connection():
    """The connection has a window of its own, at first as large as that of a single stream."""
    with serve(Flood().app, http2=True) as server, RawHttp2(server.url) as client:
        greedy = client.get("/flood")
        client.http2.acknowledge_received_data = lambda size, stream: None
        client.read_body(greedy, b"x" * WINDOW)
        ping = client.get("/ping")
        client.until(h2.events.ResponseReceived, ping)
        for _ in range(20):  # whatever the server had to say of the ping, it says before it answers these
            client.http2.ping(b"12345678")
            client.flush()
            client.until(h2.events.PingAckReceived)
            client.events = [event for event in client.events if not isinstance(event, h2.events.PingAckReceived)]
        assert client.body(ping) == b""
        client.reset(greedy)
        client.grant(100)
        client.read_body(ping, b"pong")


def test_an_answer_in_one_piece_waits_for_its_reader_however_slow():
    """Without this, uvicorn takes the connection for idle and closes it after 5 s, with the rest of the answer."""
    finished = threading.Event()

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse("x" * 2 * WINDOW)(scope, receive, send)
            finished.set()

    with serve(app, http2=True) as server, RawHttp2(server.url) as client:
        stream = client.get("/")
        client.stalled.add(stream)
        client.read_body(stream, b"x" * WINDOW)
        assert client.get("/-/stats")
        client.until(ENDED, 3)
        assert not finished.is_set()
        client.grant(WINDOW, stream)
        client.until(ENDED, stream)
        assert client.body(stream) == b"x" * 2 * WINDOW
        assert finished.wait(60)


# ends


def test_a_reset_stops_its_stream_at_once_and_no_other(steps_server):
    steps, server = steps_server
    with RawHttp2(server.url) as client:
        left, other = client.get("/steps/left"), client.get("/steps/other")
        client.read_body(left, b"first")
        client.read_body(other, b"first")
        counts(server, 1, 2, 2)
        client.reset(left)
        assert wait_for(lambda: steps.ended("left")) == "cancelled"
        counts(server, 1, 1, 1)
        steps.push("other", "still here")
        client.read_body(other, b"still here")


def test_a_client_that_leaves_altogether_stops_all_its_streams(steps_server):
    steps, server = steps_server
    with RawHttp2(server.url) as client:
        for name in ("a", "b"):
            client.read_body(client.get(f"/steps/{name}"), b"first")
    assert [wait_for(lambda name=name: steps.ended(name)) for name in ("a", "b")] == ["cancelled"] * 2
    counts(server, 0, 0, 0)


@pytest.mark.parametrize(
    ("fault", "code"), [("cut", ErrorCodes.INTERNAL_ERROR), ("reset", ErrorCodes.CANCEL), ("truncate", None)]
)
def test_a_fault_cuts_its_own_stream_and_the_others_come_whole(fault, code):
    model = ScriptedModel("one two three four five six", pace=0)
    with serve(chunked.create_app(model, f"{fault}@3*1"), http2=True) as server, RawHttp2(server.url) as client:
        broken, whole = client.get("/text"), client.get("/text")
        end = client.until(ENDED if code is None else RESET, broken)
        client.until(ENDED, whole)
        assert getattr(end, "error_code", None) == code
        assert client.body(broken) == b"one two three", "what came before the cut has left"
        assert client.body(whole) == model.text.encode()
        assert server.stats["connections"] == 1
        assert server.last_error is None


@pytest.mark.parametrize("granted", [True, False])
def test_a_cut_waits_for_its_reader_but_not_for_ever(granted, monkeypatch):
    monkeypatch.setattr(server_http2, "CUT_PATIENCE", 60 if granted else 0.01)
    model = ScriptedModel("x" * (WINDOW + 100), pace=0)
    with serve(chunked.create_app(model, "cut@1"), http2=True) as server, RawHttp2(server.url) as client:
        stream = client.get("/text")
        client.stalled.add(stream)
        client.read_body(stream, b"x" * WINDOW)
        if granted:
            client.grant(WINDOW, stream)
        assert client.until(RESET, stream).error_code == ErrorCodes.INTERNAL_ERROR
        assert len(client.body(stream)) == WINDOW + 100 * granted


def test_an_error_of_the_app_in_mid_stream_resets_its_stream():
    async def broken(request):
        async def pieces():
            yield b"begun"
            raise ValueError("broken on purpose")

        return StreamingResponse(pieces())

    with serve(one_app("/", broken), http2=True) as server, RawHttp2(server.url) as client:
        stream = client.get("/")
        client.until(RESET, stream)
        assert client.body(stream) == b"begun"
        client.read_body(client.get("/ping"), b"pong")
        assert "broken on purpose" in server.last_error


def test_a_server_that_stops_ends_its_streams_and_says_goaway(steps_server):
    _, server = steps_server
    with RawHttp2(server.url) as client, RawHttp2(server.url) as idle:
        stream = client.get("/steps/a")
        client.read_body(stream, b"first")
        idle.read_body(idle.get("/ping"), b"pong")
        server.stop()
        while client.read():
            pass
        ends = [event for event in client.events if isinstance(event, RESET | ENDED) and event.stream_id == stream]
        assert len(ends) == 1
        for each in (client, idle):
            goodbye = each.until(h2.events.ConnectionTerminated)
            assert goodbye.error_code == ErrorCodes.NO_ERROR


def test_an_idle_connection_ends_with_goaway_and_no_error(steps_server):
    _, server = steps_server
    server._uvicorn.config.timeout_keep_alive = 0.01  # 5 s otherwise
    with RawHttp2(server.url) as client:
        client.read_body(client.get("/ping"), b"pong")
        assert client.until(h2.events.ConnectionTerminated).error_code == ErrorCodes.NO_ERROR
        assert not client.read()


# the frames view


def test_the_frames_of_a_recording_are_shown_by_stream():
    app = openai_api.create_app(ScriptedModel("one two", pace=0))
    with serve(app, http2=True) as server, tap(server.url) as hop:
        with httpx.Client(http1=False, http2=True) as client:
            client.post(f"{hop.url}/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
        wait_for(lambda: any(chunk.kind == "close" for chunk in hop.recording.chunks))
        view = http2_view(hop.recording)
        text = repr(view.snapshot())
        view.stop()
    assert " 1 stream" in text.splitlines()[0]
    assert ":method POST, :authority 127.0.0.1" in text
    assert ":status 200" in text
    assert "MAX_CONCURRENT_STREAMS 128" in text

"""serve(): ready at once, gone at once, silent, and not to be frozen by any app."""

import asyncio
import gc
import logging
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_websocket

from course_lib.errors import MisuseError, PortInUse, ServerError
from course_lib.server import Server, serve
from course_lib.server.guard import host_names

PATIENCE = 60  # seconds until a test gives up
GET = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Endless:
    """An app with an endless generator; tells when it is closed."""

    def __init__(self, pause=None):
        self.pause = pause
        self.closed = threading.Event()
        self.app = Starlette(routes=[Route("/", self.stream), Route("/ping", self.ping)])

    async def tokens(self):
        try:
            while True:
                yield b"token\n"
                if self.pause is not None:
                    await asyncio.sleep(self.pause)
        finally:
            self.closed.set()

    async def stream(self, request):
        return StreamingResponse(self.tokens())

    async def ping(self, request):
        return PlainTextResponse("pong")


async def hello(scope, receive, send):
    await PlainTextResponse("hello")(scope, receive, send)


http_versions = pytest.mark.parametrize("http", ["h11", "httptools", "zttp"])


@http_versions
def test_a_server_answers_as_soon_as_serve_returns_and_refuses_after_stop(http):
    server = serve(hello, http=http)
    assert httpx.get(server.url).text == "hello"
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_stop_can_be_called_again_and_again():
    server = serve(hello)
    server.stop()
    server.stop()
    assert not server.running


def test_a_server_starts_once():
    with serve(hello) as server:
        with pytest.raises(MisuseError, match="started before"):
            server.start()
        assert httpx.get(server.url).text == "hello"


def test_a_stop_that_comes_before_the_event_loop_is_there_counts(monkeypatch):
    new_event_loop = asyncio.new_event_loop

    def late():
        server.stop()  # which cannot wait: it is on the thread of the server
        return new_event_loop()

    server = Server(hello, 0, "h11", False, False, host_names(()), "server")
    monkeypatch.setattr(asyncio, "new_event_loop", late)
    server.start()
    server._thread.join(PATIENCE)
    assert not server.running


def test_a_server_lives_as_long_as_its_with_block_even_when_that_fails():
    with pytest.raises(ZeroDivisionError), serve(hello) as server:
        raise ZeroDivisionError
    assert not server.running


def test_serve_works_inside_a_running_event_loop_without_touching_it():
    async def cell():
        with serve(hello) as server:
            async with httpx.AsyncClient() as client:
                return (await client.get(server.url)).text

    assert asyncio.run(cell()) == "hello"


@http_versions
@pytest.mark.parametrize("pause", [None, 0.001, 3600], ids=["never awaits", "paced", "idle"])
def test_stop_ends_an_open_stream_visibly_and_closes_its_generator(http, pause, dial, read_all):
    endless = Endless(pause)
    with serve(endless.app, http=http) as server:
        raw = dial(server.url)
        raw.sendall(GET % b"/")
        assert raw.recv(10)
    data, _ = read_all(raw)
    assert b"0\r\n\r\n" not in data, "a cut stream must not look complete"
    assert endless.closed.wait(PATIENCE)


@http_versions
@pytest.mark.parametrize("pause", [None, 0.001, 3600], ids=["never awaits", "paced", "idle"])
def test_a_client_that_leaves_closes_the_generator(http, pause, dial):
    endless = Endless(pause)
    with serve(endless.app, http=http) as server:
        raw = dial(server.url)
        raw.sendall(GET % b"/")
        assert raw.recv(10)
        raw.close()
        assert endless.closed.wait(PATIENCE)


def test_a_generator_that_never_awaits_freezes_nobody(dial):
    endless = Endless()
    with serve(endless.app) as server:
        reading = dial(server.url)
        reading.sendall(GET % b"/")
        stop = threading.Event()

        def read():
            while not stop.is_set():
                reading.recv(65536)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert httpx.get(f"{server.url}/ping", timeout=PATIENCE).text == "pong"
        finally:
            stop.set()
            reader.join()


def test_an_app_that_ignores_the_disconnect_is_ended_at_its_next_send(dial):
    ended = threading.Event()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.set()

    with serve(app) as server:
        raw = dial(server.url)
        raw.sendall(GET % b"/")
        assert raw.recv(10)
        raw.close()
        assert ended.wait(PATIENCE)
        assert server.last_error is None, "a client that leaves is no error"


def test_a_loop_that_is_blocked_by_user_code_is_reported_and_left_behind(dial):
    entered, release = threading.Event(), threading.Event()

    async def careless(scope, receive, send):
        if scope["type"] == "http":
            entered.set()
            release.wait(PATIENCE)

    server = serve(careless)
    try:
        dial(server.url).sendall(GET % b"/")
        assert entered.wait(PATIENCE)
        with pytest.raises(ServerError, match=r"careless\(\).*test_server"):
            server.stop()
        with pytest.raises(ConnectionRefusedError):
            dial(server.url)
    finally:
        release.set()
        server.stop()
    assert not server.running


def test_a_port_that_is_taken_is_an_error_that_names_it():
    with serve(hello) as first, pytest.raises(PortInUse, match=str(first.port)):
        serve(hello, port=first.port)
    with serve(hello, port=first.port) as again:
        assert again.url == first.url


def test_an_app_that_fails_at_start_up_is_an_error_with_its_own_words():
    @asynccontextmanager
    async def lifespan(app):
        raise RuntimeError("the model file is missing")
        yield

    with pytest.raises(ServerError, match="the model file is missing") as caught:
        serve(Starlette(lifespan=lifespan))
    assert "Traceback" in caught.value.__notes__[0]


def test_start_up_and_shutdown_of_the_app_are_run_and_streams_end_before(dial):
    seen = []

    @asynccontextmanager
    async def lifespan(app):
        seen.append("up")
        yield
        seen.append("down")

    async def tokens():
        try:
            yield b"token"
            await asyncio.sleep(3600)
        finally:
            seen.append("stream closed")

    async def endpoint(request):
        return StreamingResponse(tokens())

    with serve(Starlette(routes=[Route("/", endpoint)], lifespan=lifespan)) as server:
        assert seen == ["up"]
        raw = dial(server.url)
        raw.sendall(GET % b"/")
        assert raw.recv(10)
    assert seen == ["up", "stream closed", "down"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"app": "hello"}, "ASGI app"),
        ({"app": lambda: hello}, "factory"),
        ({"app": lambda model=None, faults=None, ping=15.0: hello}, "factory"),
        ({"port": 70000}, "65535"),
        ({"port": True}, "65535"),
        ({"hosts": 5}, "names of a server"),
        ({"hosts": [5]}, "names of a server"),
        ({"hosts": [":80"]}, "names of a server"),
        ({"hosts": ["my host"], "tls": True}, "certificate"),
        ({"http": "h12"}, "httptools"),
        ({"http2": True, "http": "h11"}, "leave http out"),
    ],
)
def test_impossible_arguments_are_refused_and_leave_nothing(wrong, said, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(MisuseError, match=said):
        serve(**{"app": hello, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_an_app_that_is_cancelled_in_its_shutdown_is_no_news(caplog):
    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.sleep(3600)

    with serve(Starlette(lifespan=lifespan)):
        pass
    assert caplog.records == [], "this would be printed"


def test_an_error_of_the_app_is_kept_and_not_printed(capfd):
    async def broken(scope, receive, send):
        raise ValueError("broken on purpose")

    with serve(broken) as server:
        assert httpx.get(server.url).status_code == 500
        assert "broken on purpose" in server.last_error
    assert capfd.readouterr() == ("", "")


def test_what_asyncio_logs_in_the_thread_of_a_server_is_not_printed(capfd):
    """It warns when somebody goes on sending to a client that has left."""

    async def app(scope, receive, send):
        logging.getLogger("asyncio").warning("socket.send() raised exception.")
        await PlainTextResponse("sent")(scope, receive, send)

    with serve(app) as server:
        assert httpx.get(server.url).text == "sent"
        assert server.last_error is None
    assert capfd.readouterr() == ("", "")


def test_an_error_of_a_task_of_the_app_is_kept_and_not_printed(capfd):
    tasks = []

    async def careless(scope, receive, send):
        async def later():
            raise ValueError("in the background")

        if scope["type"] == "http":
            tasks.append(asyncio.create_task(later()))
            await asyncio.sleep(0)
            tasks.clear()
        await hello(scope, receive, send)

    with serve(careless) as server:
        httpx.get(server.url)
        gc.collect()
        assert "in the background" in server.last_error
    assert capfd.readouterr() == ("", "")


def test_an_exit_in_a_task_of_the_app_ends_the_server_with_that_reason(dial):
    async def leaving():
        raise SystemExit(4)

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.create_task(leaving())

    server = serve(app)
    dial(server.url).sendall(GET % b"/")
    server._thread.join(PATIENCE)
    with pytest.raises(ServerError, match=r"SystemExit\(4\)"):
        server.stop()


def test_an_app_that_cannot_be_cancelled_is_left_behind_and_prints_nothing():
    ended = run_script(
        """
        import asyncio, gc, httpx
        from course_lib import serve
        async def stubborn(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                while True:
                    try:
                        await asyncio.sleep(0.05)
                    except asyncio.CancelledError:
                        pass
        with serve(stubborn) as server, httpx.stream("GET", server.url, timeout=60) as answer:
            server.stop()
        gc.collect()
        print("ended", server.running)
        """
    )
    assert (ended.stdout, ended.stderr) == ("ended False\n", "")


def test_bytes_that_are_no_http_are_refused_silently(dial, read_all, capfd):
    with serve(hello) as server:
        raw = dial(server.url)
        raw.sendall(b"\x16\x03\x01 hello?\r\n\r\n")
        assert read_all(raw)[0].startswith(b"HTTP/1.1 400")
    assert capfd.readouterr() == ("", "")


# names


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:1", "localhost:8000", "LOCALHOST", "[::1]:99", "my.test:5"])
def test_a_known_name_is_served_on_any_port(name):
    with serve(hello, hosts=["my.test"]) as server:
        assert httpx.get(server.url, headers={"host": name}).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "[::2]", ""])
def test_a_foreign_name_is_refused_with_a_reason(name):
    with serve(hello, hosts="::1") as server:
        answer = httpx.get(server.url, headers={"host": name})
        assert (answer.status_code, "localhost" in answer.text) == (421, True)
        assert httpx.get(f"{server.url}/-/stats", headers={"host": name}).status_code == 421


def test_a_request_of_http_1_0_needs_no_name(dial, read_all):
    with serve(hello) as server:
        raw = dial(server.url)
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(raw)[0].endswith(b"hello")


async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def test_websockets_are_served_counted_and_told_of_the_end():
    server = serve(Starlette(routes=[WebSocketRoute("/ws", echo)]))
    with server, connect_websocket(f"ws://127.0.0.1:{server.port}/ws") as peer:
        peer.send("hi")
        assert peer.recv(timeout=PATIENCE) == "hi"
        assert server.stats["streams"] == 1
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            peer.recv(timeout=PATIENCE)
        assert closed.value.rcvd.code == 1001


def test_a_websocket_by_a_foreign_name_is_refused_before_it_is_accepted():
    with serve(Starlette(routes=[WebSocketRoute("/ws", echo)])) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        with pytest.raises(InvalidStatus) as refused:
            connect_websocket(f"ws://evil.example:{server.port}/ws", sock=raw)
        assert refused.value.response.status_code == 421


# counts, TLS, HTTP/2


def test_stats_count_what_is_open_now(dial):
    endless = Endless(pause=0.001)
    with serve(endless.app) as server:
        assert server.stats == {"connections": 0, "streams": 0, "generations": 0}
        raw = dial(server.url)
        raw.sendall(GET % b"/")
        while b"token" not in raw.recv(65536):
            pass
        with httpx.Client() as client:
            seen = client.get(f"{server.url}/-/stats").json()
        assert seen == {"connections": 2, "streams": 1, "generations": 0}
        raw.close()
        assert endless.closed.wait(PATIENCE)


def test_tls_gives_a_certificate_that_its_own_authority_signs():
    with serve(hello, tls=True) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        assert httpx.get(server.url, verify=context).text == "hello"
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)
        folder = Path(server.ca_file).parent
        assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "chain.pem"], "a key in use needs no file"
    assert not folder.exists()


@pytest.mark.parametrize("tls", [False, True])
def test_http_2_is_spoken_when_asked_for(tls):
    with serve(hello, http="zttp", http2=True, tls=tls) as server:
        verify = ssl.create_default_context(cafile=server.ca_file) if tls else True
        with httpx.Client(http1=False, http2=True, verify=verify) as client:
            answer = client.get(server.url)
        assert (answer.text, answer.http_version) == ("hello", "HTTP/2")


# the end of a process


def run_script(text):
    # A shell starts background jobs with SIGINT ignored, and that is inherited
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = heeding + textwrap.dedent(text)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)


SERVED = """
    import os, signal, sys, threading, time
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route
    import httpx
    from course_lib import serve

    def tokens():
        while True:
            yield b"x"
            time.sleep(0.01)

    def stream(request):
        return StreamingResponse(tokens())

    server = serve(Starlette(routes=[Route("/", stream)]))
    response = httpx.Client().send(httpx.Request("GET", server.url), stream=True)
    assert next(response.iter_raw())
"""


@pytest.mark.parametrize(
    ("last_line", "status", "last_words"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("raise ValueError('mine')", 1, "ValueError: mine"),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -2, "KeyboardInterrupt"),
    ],
    ids=["end", "exit", "exception", "interrupt"],
)
def test_a_process_ends_at_once_with_a_stream_open_from_a_worker_thread(last_line, status, last_words):
    ended = run_script(SERVED + "    " + last_line)
    assert ended.returncode in (status, 130 if status == -2 else status)
    assert (ended.stdout, ended.stderr.strip().rpartition("\n")[2]) == ("", last_words)


def test_an_interrupted_start_leaves_nothing_behind():
    script = """
        import asyncio, signal, os, threading
        from course_lib import serve
        async def slow(scope, receive, send):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)
        try:
            serve(slow)
        except KeyboardInterrupt:
            print([thread.name for thread in threading.enumerate()])
    """
    assert run_script(script).stdout.strip() == "['MainThread']"


def test_importing_the_server_does_not_import_uvicorn():
    assert run_script("import sys, course_lib.server; print('uvicorn' in sys.modules)").stdout == "False\n"

"""The real nginx before both of uvicorn's parsers: what holds an answer back and what does not, by causality."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_websocket

from course_lib.apps import openai_api
from course_lib.errors import MisuseError, ServerError
from course_lib.hops import nginx, real_nginx, tap
from course_lib.model import ScriptedModel
from course_lib.server import serve
from tests.streams.peers import ENDLESS, Peer, Telling, eventually, read_to_end, reset, send_until_stuck

FAST = ScriptedModel(pace=0)
ROOT = Path(__file__).resolve().parents[2]


def alive(folder):
    """The numbers of the processes that use this folder."""
    found = set()
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if str(folder) in Path(f"/proc/{number}/cmdline").read_text():
                found.add(int(number))
        except OSError:
            continue
    return found


LIVE, HELD = "firstheard", "firstnot heard"


@pytest.mark.parametrize(
    ("arguments", "path", "h11", "httptools"),
    [
        ({}, "/", HELD, LIVE),  # HTTP/1.0: h11 ends the answer by closing, httptools sends chunks all the same
        ({}, "/x", LIVE, LIVE),
        ({}, "/length", HELD, HELD),
        ({"http_version": "1.1"}, "/", LIVE, LIVE),  # chunks pass at once, although proxy_buffering is on
        ({"http_version": "1.1"}, "/length", HELD, HELD),
        ({"http_version": "1.1"}, "/length/x", LIVE, LIVE),
        ({"buffering": False}, "/", LIVE, LIVE),
        ({"buffering": False}, "/length", LIVE, LIVE),
        ({"gzip": True, "http_version": "1.1"}, "/plain", HELD, HELD),
        ({"gzip": True, "http_version": "1.1"}, "/", HELD, HELD),  # although the answer says no-transform
        ({"gzip": True, "http_version": "1.1"}, "/x", LIVE, LIVE),
        ({"gzip": True, "buffering": False}, "/plain", LIVE, LIVE),
    ],
)
@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_which_answers_nginx_holds_back(http, arguments, path, h11, httptools):
    expected = h11 if http == "h11" else httptools
    app = Telling(0.3 if expected == HELD else 10)
    with serve(app, http=http) as server, nginx(server.url, **arguments) as hop, httpx.Client() as client:
        assert app.ask(client, hop.url + path) == expected
    assert hop.recording.bytes_from("client").startswith(b"GET " + path.encode())
    assert b"accel" not in hop.recording.bytes_from("server").lower()


@pytest.mark.parametrize(
    ("http", "framing"), [("h11", b"connection: close"), ("httptools", b"transfer-encoding: chunked")]
)
def test_a_tap_behind_nginx_shows_what_it_asks_and_how_the_server_answers(http, framing):
    with serve(Telling(0), http=http) as server, tap(server.url) as behind, nginx(behind.url) as hop:
        httpx.get(hop.url)
    asked, answered = behind.recording.bytes_from("client"), behind.recording.bytes_from("server")
    assert asked.startswith(b"GET / HTTP/1.0\r\n")
    assert b"connection: close" in asked.lower()
    assert framing in answered.lower()
    assert (b"chunked" in answered) == (http == "httptools")


def test_gzip_of_nginx_does_not_look_at_no_transform():
    with serve(Telling(0)) as server, nginx(server.url, gzip=True) as hop, httpx.stream("GET", hop.url) as answer:
        assert "no-transform" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())) == b"firstnot heard"


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_the_openai_client_reads_the_same_stream_through_the_default_nginx(http):
    with (
        serve(openai_api.create_app(FAST), http=http) as server,
        nginx(server.url) as hop,
        openai.OpenAI(base_url=f"{hop.url}/v1", api_key="none", max_retries=0) as client,
    ):
        asked = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
        stream = client.chat.completions.create(**asked, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == FAST.text


async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.receive()


@pytest.mark.parametrize(
    ("routes", "status"),
    [
        ([WebSocketRoute("/ws", echo)], 404),  # an ordinary GET of a path that has only a WebSocket
        ([WebSocketRoute("/ws", echo), Route("/ws", lambda request: None, methods=["POST"])], 405),
    ],
)
def test_a_websocket_needs_the_upgrade_headers_to_be_passed_on(routes, status):
    with serve(Starlette(routes=routes)) as server:
        with nginx(server.url, websocket=True) as hop:
            with connect_websocket(hop.url.replace("http", "ws") + "/ws", proxy=None) as websocket:
                websocket.send("hello")
                assert websocket.recv(10) == "hello"
            assert httpx.get(f"{hop.url}/ws").status_code == status, "other requests are still themselves"
        with nginx(server.url, http_version="1.1") as hop, pytest.raises(InvalidStatus) as refused:
            connect_websocket(hop.url.replace("http", "ws") + "/ws", proxy=None)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize("buffering", [True, False])
@pytest.mark.parametrize("leave", [lambda raw: raw.close(), reset, lambda raw: raw.shutdown(socket.SHUT_WR)])
def test_a_client_that_leaves_ends_the_work_of_the_server_and_half_a_close_counts_as_leaving(buffering, leave, dial):
    app = Telling(60)
    with serve(app) as server, nginx(server.url, buffering=buffering) as hop:
        raw = dial(hop.url)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: server.stats["streams"] == 1)
        leave(raw)
        assert app.left.wait(60)
        assert eventually(lambda: server.stats["connections"] == 0)
    assert b"heard" not in hop.recording.bytes_from("server")


def test_a_reset_of_the_server_is_only_a_truncation_behind_nginx(dial, read_all):
    got_first = threading.Event()

    def handler(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        got_first.wait(60)
        reset(connection)

    with Peer(handler) as peer, nginx(peer.url, http_version="1.1") as hop:
        raw = dial(hop.url)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: b"first" in hop.recording.bytes_from("server"))
        got_first.set()
        data, end = read_all(raw)
    assert data.endswith(b"5\r\nfirst\r\n")
    assert end == "FIN"


def test_a_server_that_is_silent_before_its_answer_is_a_504():
    with Peer(read_to_end) as peer, nginx(peer.url, idle=0.2) as hop:
        assert httpx.get(hop.url).status_code == 504


def test_a_server_that_is_silent_inside_its_answer_is_cut_off():
    app = Telling(60)
    with serve(app) as server, nginx(server.url, idle=3, buffering=False) as hop:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            httpx.get(hop.url)
        assert app.left.wait(60)


def test_a_server_that_is_down_is_a_502():
    with serve(Telling(0)) as server:
        pass
    with nginx(server.url) as hop:
        assert httpx.get(hop.url).status_code == 502


def test_buffering_keeps_the_whole_answer_for_a_client_that_does_not_read_and_no_buffering_stops_the_server(dial):
    size = 24_000_000
    sent, done = [], threading.Event()

    def handler(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % ENDLESS)
        most, patience = (size, 20) if buffering else (ENDLESS, 0.5)
        sent.append(send_until_stuck(connection, most=most, patience=patience))
        done.set()

    for buffering in (True, False):
        done.clear()
        with Peer(handler) as peer, nginx(peer.url, buffering=buffering) as hop:
            dial(hop.url).sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert done.wait(60)
    assert sent[0] >= size, "what is not read went into a file of nginx"
    assert sent[1] < ENDLESS


def test_nothing_is_left_when_the_hop_stops():
    with serve(Telling(0)) as server, nginx(server.url) as hop:
        folder = hop._folder
        assert len(alive(folder)) == 1
        assert httpx.get(hop.url).status_code == 200
    assert alive(folder) == set()
    assert not folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(hop.url)


def test_nginx_dies_with_python_when_that_is_killed():
    code = """
        import sys
        from course_lib.hops import nginx
        hop = nginx("http://127.0.0.1:1")
        print(hop._folder, flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as python:
        folder = python.stdout.readline().strip()
        assert folder
        assert alive(folder)
        python.kill()
    assert eventually(lambda: not alive(folder))
    shutil.rmtree(folder)


def test_an_nginx_that_is_killed_shows_as_a_closed_connection():
    with serve(Telling(0)) as server, nginx(server.url) as hop:
        hop._process.kill()
        hop._process.wait()
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(hop.url)


def test_without_nginx_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(real_nginx.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ServerError, match="apt install nginx"):
        nginx("http://127.0.0.1:1")


def test_an_nginx_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(real_nginx, "GZIP", "gzip perhaps;")
    with pytest.raises(ServerError, match="perhaps"):
        nginx("http://127.0.0.1:1", gzip=True)


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("https://127.0.0.1:1", {}),
        ("127.0.0.1", {}),
        ("http://127.0.0.1:1", {"http_version": "2"}),
        ("http://127.0.0.1:1", {"http_version": "1.0", "websocket": True}),
        ("http://127.0.0.1:1", {"idle": 0}),
        ("http://127.0.0.1:1", {"idle": "2s"}),
        ("http://127.0.0.1:1", {"idle": float("inf")}),
    ],
)
def test_impossible_arguments_are_refused(url, arguments):
    with pytest.raises(MisuseError):
        nginx(url, **arguments)

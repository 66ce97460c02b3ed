"""The buffering proxy on sockets: what it holds, by causality, and what real clients make of it."""

import socket
import subprocess
import threading

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_websocket

from course_lib.apps import chunked, openai_api
from course_lib.errors import MisuseError
from course_lib.hops import buffering, tap
from course_lib.hops.holding import MOST
from course_lib.model import ScriptedModel
from course_lib.server import serve
from tests.streams.peers import ENDLESS, Peer, Telling, eventually, read_exactly, read_to_end, reset, send_until_stuck

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FAST = ScriptedModel(pace=0)


@pytest.mark.parametrize(
    "arguments", [{"hold": -1}, {"hold": 2.5}, {"hold": MOST + 1}, {"idle": 0}, {"idle": "2s"}, {"hold": True}]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(MisuseError, match=next(iter(arguments))):
        buffering("http://127.0.0.1:1", **arguments)


def test_what_tls_hides_is_refused_and_not_waited_for():
    with pytest.raises(MisuseError, match="plain HTTP"):
        buffering("https://127.0.0.1:1")


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize(
    ("arguments", "path", "text"),
    [
        ({"hold": 0}, "/", "firstheard"),
        ({}, "/", "firstnot heard"),
        ({"hold": 4096}, "/", "firstnot heard"),
        ({"hold": 5}, "/", "firstheard"),
        ({}, "/length", "firstnot heard"),
        ({}, "/x", "firstnot heard"),
        ({"x_accel": True}, "/x", "firstheard"),
        ({"hold": 0, "gzip": True}, "/plain", "firstnot heard"),
        ({"hold": 0, "gzip": True}, "/", "firstheard"),
        ({"hold": 0, "http10": True}, "/", "firstheard"),
        ({"http10": True}, "/", "firstnot heard"),
    ],
)
def test_a_token_reaches_the_client_before_the_next_is_made_unless_it_is_held(http, arguments, path, text):
    app = Telling(0.2 if "not" in text else 60)
    with serve(app, http=http) as server, buffering(server.url, **arguments) as hop, httpx.Client() as client:
        assert app.ask(client, hop.url + path) == text
        assert app.ask(client, hop.url + path) == text, "and again, on a kept or a new connection"
    assert {chunk.conn for chunk in hop.recording.chunks} == ({0, 1} if "http10" in arguments else {0})


def test_the_recording_shows_what_left_and_a_tap_behind_the_hop_what_came():
    app, got = Telling(60), []
    with serve(app) as server, tap(server.url) as behind, buffering(behind.url) as hop:
        reader = threading.Thread(target=lambda: got.append(httpx.get(hop.url).text))
        reader.start()
        assert eventually(lambda: b"first" in behind.recording.bytes_from("server"))
        assert hop.recording.bytes_from("server") == b""
        app.got_first.set()
        reader.join(10)
    assert got == ["firstheard    "]
    assert sum(bool(c.data) for c in hop.recording.chunks if c.side == "server") == 1


@pytest.mark.parametrize("arguments", [{}, {"hold": 100}, {"http10": True}, {"hold": 0, "gzip": True}])
def test_the_openai_client_reads_the_same_text_through_a_buffer(arguments):
    asked = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    with (
        serve(openai_api.create_app(FAST)) as server,
        buffering(server.url, **arguments) as hop,
        openai.OpenAI(base_url=f"{hop.url}/v1", api_key="none", max_retries=0) as client,
    ):
        assert client.chat.completions.create(**asked).choices[0].message.content == FAST.text
        stream = client.chat.completions.create(**asked, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == FAST.text


@pytest.mark.parametrize("options", [["--compressed"], ["--http1.0"], ["-N"], ["--http1.0", "--compressed"]])
def test_curl_reads_the_same_text_through_a_compressing_buffer(options):
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(FAST.text))])
    with serve(app) as server, buffering(server.url, 10, gzip=True, http10=True) as hop:
        done = subprocess.run(["curl", "-sS", *options, hop.url, hop.url], capture_output=True, timeout=60, check=True)
    assert done.stdout.decode() == FAST.text * 2


async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.receive()


def test_a_websocket_passes_a_buffer_but_not_one_that_speaks_http10_to_its_server():
    app = Starlette(routes=[WebSocketRoute("/ws", echo)])
    with serve(app) as server, buffering(server.url) as hop, buffering(server.url, http10=True) as old:
        with connect_websocket(hop.url.replace("http", "ws") + "/ws", proxy=None) as websocket:
            websocket.send("hello")
            assert websocket.recv(10) == "hello"
        with pytest.raises(InvalidStatus) as refused:
            connect_websocket(old.url.replace("http", "ws") + "/ws", proxy=None)
    assert refused.value.response.status_code == 404


def test_a_client_that_leaves_ends_the_work_of_the_server_at_once(dial):
    app = Telling(60)
    with serve(app) as server, buffering(server.url) as hop:
        raw = dial(hop.url)
        raw.sendall(GET.replace(b"host: a", b"host: localhost"))
        assert eventually(lambda: server.stats["streams"] == 1)
        raw.close()
        assert app.left.wait(60)
        assert eventually(lambda: server.stats["connections"] == 0)


def test_a_silent_connection_is_cut_and_the_client_sees_that_the_answer_is_not_whole():
    app = Telling(60)
    with serve(app) as server, buffering(server.url, 0, idle=3) as hop, httpx.Client() as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            client.get(hop.url)
        assert app.left.wait(60), "the server learns of it"


def test_a_server_that_is_down_is_a_502():
    with serve(chunked.create_app(FAST)) as server:
        pass
    with buffering(server.url) as hop, httpx.Client() as client:
        assert client.get(hop.url).status_code == 502


def test_a_reset_of_the_server_reaches_the_client(dial, read_all):
    first = CHUNKED + b"1\r\na\r\n"

    def handler(connection):
        connection.recv(1000)
        connection.sendall(first)
        connection.recv(1)
        reset(connection)

    with Peer(handler) as peer, buffering(peer.url, 0) as hop:
        raw = dial(hop.url)
        raw.sendall(GET[:-2] + b"content-length: 1\r\n\r\n")
        assert read_exactly(raw, len(first)) == first
        raw.sendall(b".")
        assert read_all(raw) == (b"", "RST")


def test_a_reset_of_the_client_reaches_the_server(dial):
    ended = []

    def handler(connection):
        connection.recv(1000)
        try:
            ended.append(connection.recv(1000))
        except ConnectionResetError:
            ended.append("RST")

    with Peer(handler) as peer, buffering(peer.url) as hop:
        raw = dial(hop.url)
        raw.sendall(GET)
        assert eventually(lambda: hop.recording.bytes_from("client") == GET)
        reset(raw)
        assert eventually(lambda: ended)
    assert ended == ["RST"]


def test_half_a_close_of_the_client_waits_for_its_pipelined_requests(dial, read_all):
    heard, answer = [], b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere"

    def handler(connection):
        for _ in range(2):
            heard.append(read_exactly(connection, len(GET)))
            connection.sendall(answer)
        heard.append(read_to_end(connection))

    with Peer(handler) as peer, buffering(peer.url) as hop:
        raw = dial(hop.url)
        raw.sendall(GET + GET)
        raw.shutdown(socket.SHUT_WR)
        assert read_all(raw) == (answer * 2, "FIN")
    assert heard == [GET, GET, b""]


@pytest.mark.parametrize("head", [CHUNKED + b"ffffffff\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 4294967296\r\n\r\n"])
def test_a_client_that_does_not_read_stops_the_server_also_when_all_is_to_be_held(head, dial):
    sent, done = [], threading.Event()

    def handler(connection):
        connection.recv(1000)
        connection.sendall(head)
        sent.append(send_until_stuck(connection))
        done.set()

    with Peer(handler) as peer, buffering(peer.url) as hop:
        dial(hop.url).sendall(GET)
        assert done.wait(60)
    assert len(hop.recording.bytes_from("server")) <= sent[0] < ENDLESS, "it is stopped"


def test_a_client_that_pipelines_without_end_has_to_wait(dial):
    with Peer(lambda connection: connection.recv(len(GET)) and connection.recv(1)) as peer, buffering(peer.url) as hop:
        assert send_until_stuck(dial(hop.url), GET * 1000) < ENDLESS
        assert len(hop.recording.bytes_from("client")) < 1_000_000


def test_stopping_the_hop_ends_what_is_held(dial, read_all):
    with serve(Telling(60)) as server:
        with buffering(server.url) as hop:
            raw = dial(hop.url)
            raw.sendall(GET.replace(b"host: a", b"host: localhost"))
            assert eventually(lambda: server.stats["streams"] == 1)
        assert read_all(raw)[0] == b""
        assert eventually(lambda: server.stats["streams"] == 0)

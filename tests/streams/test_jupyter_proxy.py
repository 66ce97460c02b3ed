"""jupyter-server-proxy in a real Jupyter server: what passes at once, what is held, and what is lost on the way."""

import inspect
import json
import threading

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.sync.client import connect as connect_websocket

from course_lib.errors import MisuseError, ServerError
from course_lib.hops import browser_url, jupyter_proxy, tap
from course_lib.server import serve
from tests.jupyter import TOKEN, jupyter
from tests.streams.peers import Peer, Telling, eventually
from tests.streams.test_examples import KNOWN, example_in

LIVE, HELD = "firstheard", "firstnot heard"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    wanted = "--ServerApp.base_url=/user/ann/", "--ServerApp.allow_remote_access=True"
    with jupyter(tmp_path_factory.mktemp("jupyter"), "jupyter_server", *wanted) as server:
        yield server


@pytest.fixture
def in_jupyter(running, monkeypatch):
    """As if this were a kernel of that server."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(running.runtime))
    monkeypatch.setenv("JPY_PARENT_PID", str(running.pid))


@pytest.mark.parametrize(
    ("method", "accept", "expected"),
    [
        ("GET", "text/event-stream", LIVE),  # what EventSource sends
        ("POST", "text/event-stream", LIVE),
        ("POST", "*/*", HELD),  # what fetch and httpx send
        ("POST", "text/event-stream, */*", HELD),
        ("POST", "text/event-stream; charset=utf-8", HELD),
        ("GET", "application/json", HELD),
    ],
)
def test_an_answer_passes_at_once_only_if_accept_is_the_event_stream_and_nothing_else(
    in_jupyter, method, accept, expected
):
    app = Telling(0.5 if expected == HELD else 60)
    with serve(app) as server, jupyter_proxy(f"{server.url}/a?b=%2F") as hop, httpx.Client() as client:
        assert hop.url.endswith(f"/user/ann/proxy/{server.port}/a?b=%2F")
        assert app.ask(client, hop.url, method=method, headers={**hop.headers, "Accept": accept}) == expected
    assert hop.recording.bytes_from("client").startswith(f"{method} /user/ann/proxy/{server.port}/a".encode())
    assert b"first" in hop.recording.bytes_from("server")


def test_the_example_of_the_hop_runs_as_it_stands(in_jupyter):
    names = {}
    exec(KNOWN, names)
    exec(example_in(inspect.getdoc(jupyter_proxy)), {**names, "jupyter_proxy": jupyter_proxy})


async def echo(websocket):
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


def test_a_websocket_passes(in_jupyter):
    with serve(Starlette(routes=[WebSocketRoute("/ws", echo)])) as server, jupyter_proxy(server.url) as hop:
        url = hop.url.replace("http", "ws") + "ws"
        with connect_websocket(url, additional_headers=hop.headers, proxy=None) as websocket:
            for word in ("one", "two"):
                websocket.send(word)
                assert websocket.recv(10) == word


def test_nobody_gets_in_without_the_token(in_jupyter):
    with serve(Telling(0)) as server, jupyter_proxy(server.url) as hop:
        assert "/login" in httpx.get(hop.url).headers["location"]
        assert httpx.post(hop.url).status_code in (302, 403)
        assert server.stats["streams"] == 0


def test_a_truncated_stream_looks_whole_behind_the_proxy_and_an_error_text_stands_in_it(in_jupyter):
    got_first = threading.Event()

    def handler(connection):
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        got_first.wait(60)

    text = ""
    with (
        Peer(handler) as peer,
        jupyter_proxy(peer.url) as hop,
        httpx.stream("GET", hop.url, headers={**hop.headers, **STREAM}) as answer,
    ):
        for part in answer.iter_text():
            text += part
            got_first.set()
    assert answer.status_code == 200
    assert text == "firstConnection closed"


def test_a_client_that_leaves_does_not_end_the_work_of_the_server(in_jupyter):
    app = Telling(60)
    with serve(app) as server, jupyter_proxy(server.url) as hop:
        with httpx.stream("GET", hop.url, headers={**hop.headers, **STREAM}) as answer:
            next(answer.iter_raw())
        assert eventually(lambda: "close" in [c.kind for c in hop.recording.chunks if c.side == "client"])
        with serve(Telling(0)) as other, jupyter_proxy(other.url) as second:
            for _ in range(3):  # when these are answered, the proxy has long seen the client leave
                assert httpx.get(second.url, headers=second.headers).status_code == 200
        assert server.stats["streams"] == 1
        assert not app.left.is_set()
        app.got_first.set()
        assert eventually(lambda: server.stats["streams"] == 0)
        assert not app.left.is_set(), "it was worked to its end, for nobody"


def test_a_hub_passes_its_own_name_on_which_the_server_must_know(in_jupyter):
    hub = {"Host": "hub.example.org"}
    for hosts, status in [((), 421), (["hub.example.org"], 200)]:
        with serve(Telling(0), hosts=hosts) as server, jupyter_proxy(server.url) as hop:
            assert httpx.get(hop.url, headers={**hop.headers, **hub}).status_code == status


def test_a_tap_behind_the_proxy_shows_what_it_asks_and_that_it_tells_the_token(in_jupyter):
    with serve(Telling(0)) as server, tap(server.url) as behind, jupyter_proxy(behind.url) as hop:
        assert httpx.get(hop.url, headers=hop.headers).status_code == 200
    asked = behind.recording.bytes_from("client")
    assert asked.startswith(b"GET / HTTP/1.1\r\n")
    assert b"X-Forwarded-Prefix: /user/ann/proxy/%d" % behind.port in asked
    assert b"Authorization: token %b" % TOKEN.encode() in asked, "Jupyter's token is told to the server"


def test_without_a_jupyterlab_there_is_nothing_to_go_through(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    with pytest.raises(ServerError, match="notebook"):
        jupyter_proxy("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", None])
def test_what_is_no_url_is_refused(url, in_jupyter):
    with pytest.raises(MisuseError):
        jupyter_proxy(url)
    with pytest.raises(MisuseError):
        browser_url(url)


def test_the_url_for_a_browser_is_a_path_on_the_pages_own_host(in_jupyter, monkeypatch):
    assert browser_url("http://127.0.0.1:8000/text?a=1") == "/user/ann/proxy/8000/text?a=1"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/eve/")
    assert browser_url("http://127.0.0.1:8000") == "/user/eve/proxy/8000/"


def test_outside_of_jupyter_the_url_for_a_browser_is_the_servers_own(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    for name in ("JPY_PARENT_PID", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    assert browser_url("http://127.0.0.1:8000/text") == "http://127.0.0.1:8000/text"
    with pytest.raises(MisuseError):
        browser_url("127.0.0.1:8000")
    (tmp_path / "jpserver-7.json").write_text(json.dumps({"base_url": "/"})[:-1])
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    assert browser_url("http://127.0.0.1:8000/text") == "http://127.0.0.1:8000/text"

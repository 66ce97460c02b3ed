"""Clients and servers under judgement are reached over a network that the sandbox does not have."""

import hashlib
import socket
import threading

import httpx
import pytest

from course_lib.grading.channel import Channel, Ended, Log
from course_lib.grading.peers import Peer
from course_lib.grading.proxy import Submission, served
from tests.grading.conftest import Hosted

CLIENT = """
import hashlib, socket
kept = []
def connect(url):
    host, _, port = url.removeprefix("http://").partition(":")
    kept.append(socket.create_connection((host, int(port)), 20))
    return len(kept) - 1
def send(number, data):
    kept[number].sendall(data)
def ask(url, path="/"):
    number = connect(url)
    send(number, b"GET " + path.encode() + b" HTTP/1.1\\r\\n\\r\\n")
    return number
def read(number, size):
    data = b""
    while len(data) < size and (piece := kept[number].recv(size - len(data))):
        data += piece
    return data
def read_to_end(number):
    data = b""
    while piece := kept[number].recv(65536):
        data += piece
    return data
def post(url, size):
    number = connect(url)
    body = bytes(range(256)) * (size // 256)
    send(number, b"POST / HTTP/1.1\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
    return hashlib.sha256(read_to_end(number)).hexdigest()
def end_sending(number):
    kept[number].shutdown(socket.SHUT_WR)
def leave(number):
    kept[number].close()
def listen():
    kept.append(socket.create_server(("127.0.0.1", 0)))
    return kept[-1].getsockname()[1]
"""


@pytest.fixture
def client(hosted):
    return hosted(CLIENT, deadline=30)


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.stop()
    assert made.failures == []


def raw_server(handler):
    """A server for one connection, handled on a thread. Returns its URL and the thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            connection, _ = listener.accept()
        with connection:
            handler(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


# ---- a client under judgement


def test_a_client_asks_and_gets_the_answer_and_its_proper_end(client, peer):
    url = peer(lambda conn: (conn.send(b"first "), conn.send(b"second")))
    number = client.ask(url, "/path")
    assert client.read_to_end(number) == b"first second"
    assert [(request.method, request.path) for request in peer.requests] == [("GET", "/path")]


def test_bytes_arrive_before_the_answer_is_complete(client, peer):
    seen = threading.Event()
    number = client.ask(peer(lambda conn: (conn.send(b"one"), seen.wait(30), conn.send(b"two"))))
    assert client.read(number, 3) == b"one"
    seen.set()
    assert client.read_to_end(number) == b"two"


def test_a_reset_is_told_from_a_proper_end(client, peer):
    seen = threading.Event()
    number = client.ask(peer(lambda conn: (conn.send(b"one"), seen.wait(30), conn.reset())))
    assert client.read(number, 3) == b"one"
    seen.set()
    with pytest.raises(ConnectionResetError):
        client.read_to_end(number)


def test_a_server_that_dies_without_a_word_is_a_reset_too(client):
    """Closed with what the client sent still unread: so the kernel ends it when a process is killed."""
    url, _ = raw_server(lambda connection: connection.recv(1))
    number = client.connect(url)
    client.send(number, b"two")
    with pytest.raises(ConnectionResetError):
        client.read_to_end(number)


def test_a_client_that_leaves_early_is_seen_by_the_server(client, peer):
    left = threading.Event()

    def handler(conn):
        conn.send(b"one")
        if conn.wait_closed(30):
            left.set()

    number = client.ask(peer(handler))
    assert client.read(number, 3) == b"one"
    client.leave(number)
    assert left.wait(30)


def test_sending_to_a_client_that_has_left_fails_in_the_end(client, peer):
    failed = threading.Event()

    def handler(conn):
        conn.wait_closed(30)
        try:
            while True:
                conn.send(b"x" * 65536)
        except OSError:
            failed.set()

    client.leave(client.ask(peer(handler)))
    assert failed.wait(30)


def test_after_half_a_close_the_answer_still_comes(client):
    def handler(connection):
        got = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.sendall(b"you sent " + got)

    url, _ = raw_server(handler)
    number = client.connect(url)
    client.send(number, b"this")
    client.end_sending(number)
    assert client.read_to_end(number) == b"you sent this"


def test_a_megabyte_each_way_arrives_whole(client, peer):
    size = 999_936  # a multiple of 256, below the most that a peer takes
    url = peer(lambda conn: conn.send(conn.request.body[::-1]))
    assert client.post(url, size) == hashlib.sha256((bytes(range(256)) * (size // 256))[::-1]).hexdigest()
    assert [len(request.body) for request in peer.requests] == [size]


def test_two_connections_are_open_at_once(client, peer):
    both = threading.Barrier(2)

    def handler(conn):
        both.wait(30)
        conn.send(conn.request.path.encode())

    url = peer(handler)
    numbers = [client.ask(url, path) for path in ("/a", "/b")]
    assert [client.read_to_end(number) for number in numbers] == [b"/a", b"/b"]


def test_twenty_connections_are_open_at_once_and_sixty_more_follow(client, peer):
    everybody = threading.Barrier(20)

    def handler(conn):
        if conn.request.path == "/together":
            everybody.wait(30)
        conn.send(b"x")

    url = peer(handler)
    numbers = [client.ask(url, "/together") for _ in range(20)]
    assert [client.read_to_end(number) for number in numbers] == [b"x"] * 20
    for _ in range(60):
        number = client.ask(url)
        assert client.read_to_end(number) == b"x"
        client.leave(number)


def test_two_servers_are_reached_by_one_call(client, peer):
    one, other = peer(lambda conn: conn.send(b"1")), peer(lambda conn: conn.send(b"2"))
    assert client.read_to_end(client.ask(one)) + client.read_to_end(client.ask(other)) == b"12"


def test_a_server_that_is_away_for_a_while_is_reached_again(client):
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    url = f"http://127.0.0.1:{address[1]}"
    number = client.connect(url)
    listener.accept()[0].close()
    assert client.read_to_end(number) == b""
    listener.close()
    with pytest.raises(ConnectionError):
        client.read_to_end(client.connect(url))
    with socket.create_server(address) as again:
        number = client.connect(url)
        again.accept()[0].close()
        assert client.read_to_end(number) == b""


def test_the_next_check_reaches_the_same_port_again(hosted, peer):
    control = hosted.control(CLIENT)
    url = peer(lambda conn: conn.send(b"x"))
    for _ in range(3):
        submission = Submission(Channel(control.session(), 30, Log(), control))
        assert submission.read_to_end(submission.ask(url)) == b"x"
        control.end_sessions()


def test_a_url_with_an_impossible_port_harms_nothing(client, peer):
    for port in (0, 65536, 99999):
        with pytest.raises((OSError, OverflowError)):
            client.connect(f"http://127.0.0.1:{port}")
    assert client.read_to_end(client.ask(peer(lambda conn: conn.send(b"x")))) == b"x"


def test_a_port_that_the_submission_has_taken_is_said_in_words():
    made = Hosted("bubblewrap")
    client = made(CLIENT)
    port = client.listen()
    with pytest.raises(Ended, match=f"your code itself listens on 127.0.0.1:{port}"):
        client.connect(f"http://127.0.0.1:{port}")
    assert client.listen() > 0  # nothing else is the matter
    made.hosts[0].stop()


# ---- a server under judgement

SERVER = """
import asyncio
go, left = asyncio.Event(), asyncio.Event()
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
    async def part(data, more=True):
        await send({"type": "http.response.body", "body": data, "more_body": more})
    await send({"type": "http.response.start", "status": 200, "headers": [[b"content-type", b"text/plain"]]})
    if scope["path"] == "/stream":
        await part(b"first")
        await go.wait()
    elif scope["path"] == "/go":
        go.set()
    elif scope["path"] == "/wait":
        await part(b"first")
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()
    elif scope["path"] == "/left":
        await left.wait()
    elif scope["path"] == "/echo":
        message = {"more_body": True}
        while message["more_body"]:
            message = await receive()
            await part(message["body"])
    await part(b"last", more=False)
def make_app():
    return app
async def broken(scope, receive, send):
    message = await receive()
    await send({"type": "lifespan.startup.failed", "message": "no"})
def make_broken():
    return broken
"""


@pytest.fixture
def server(hosted):
    return hosted(SERVER, uses=("uvicorn",), deadline=30)


def test_a_server_is_asked_by_an_ordinary_client(server):
    with served(server.make_app()) as url:
        assert httpx.get(url, timeout=30).text == "last"
        body = bytes(range(256)) * 4096
        assert httpx.post(f"{url}/echo", content=body, timeout=30).content == body + b"last"


def test_a_streaming_answer_arrives_before_it_is_complete(server):
    with served(server.make_app()) as url, httpx.stream("GET", f"{url}/stream", timeout=30) as response:
        parts = response.iter_bytes()
        assert next(parts) == b"first"
        assert httpx.get(f"{url}/go", timeout=30).status_code == 200
        assert b"".join(parts) == b"last"


def test_a_client_that_disconnects_is_seen_by_the_application(server):
    with served(server.make_app()) as url:
        with httpx.stream("GET", f"{url}/wait", timeout=30) as response:
            assert next(response.iter_bytes()) == b"first"
        assert httpx.get(f"{url}/left", timeout=30).text == "last"


def test_an_application_that_does_not_start_is_an_error(server):
    with pytest.raises(RuntimeError, match="did not start"), served(server.make_broken()):
        pass


def test_what_is_noted_of_a_server_is_the_same_in_each_run(server):
    """Its port is not: with it, two reports of the same code would differ."""
    with served(server.make_app()):
        pass
    assert server._channel.log.calls[-1] == ("(serving your application)", "started")


@pytest.mark.parametrize("value", ["1", "[make_app]", "iter(())"])
def test_what_is_no_application_is_said_in_words(hosted, value):
    submission = hosted(f"def make_app(): return {value}")
    with pytest.raises(Ended, match="no application to serve: your code gave"), served(submission.make_app()):
        pass


def test_a_server_is_gone_with_its_check(hosted):
    control = hosted.control(SERVER, uses=("uvicorn",))
    with served(Submission(Channel(control.session(), 30, Log(), control)).make_app()) as url:
        assert httpx.get(url, timeout=30).text == "last"
        control.end_sessions()
        with pytest.raises(httpx.TransportError):
            httpx.get(url, timeout=30)

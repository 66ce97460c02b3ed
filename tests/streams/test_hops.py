"""Hops: what passes is what is recorded, and what one side does to its connection reaches the other."""

import contextlib
import socket
import threading
from contextlib import ExitStack
from functools import partial
from itertools import accumulate

import httpx
import openai
import pytest

import course_lib
from course_lib import hops
from course_lib.apps import openai_api
from course_lib.errors import MisuseError
from course_lib.faults import FaultPlan
from course_lib.hops import buffering, chaos, nginx, tap
from course_lib.hops.play import ByteFaults
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams.peers import ENDLESS, Peer, eventually, read_to_end, reset, send_until_stuck

FAST = ScriptedModel(pace=0)


@pytest.fixture
def peer():
    """`peer(handler)` starts one and gives its URL."""
    with ExitStack() as started:
        yield lambda handler: started.enter_context(Peer(handler)).url


def seen(hop, side):
    return [chunk.kind for chunk in hop.recording.chunks if chunk.side == side]


def test_a_tap_changes_nothing_and_records_both_sides(dial):
    with serve(openai_api.create_app(FAST)) as server, tap(f"{server.url}/v1") as hop:
        assert hop.url.endswith("/v1")
        client = openai.OpenAI(base_url=hop.url, api_key="none", max_retries=0)
        chunks = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == FAST.text
        client.close()
        assert hop.recording.bytes_from("client").startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"text/event-stream" in hop.recording.bytes_from("server")
        assert eventually(lambda: "close" in seen(hop, "client"))
    times = [chunk.at for chunk in hop.recording.chunks]
    assert times == sorted(times)
    assert hop.recording.connections == [0]


def test_what_a_client_has_received_is_already_recorded(peer, dial):
    def handler(connection):
        for number in range(50):
            connection.sendall(b"%03d" % number)
            connection.recv(1)

    with tap(peer(handler)) as hop:
        raw = dial(hop.url)
        for number in range(50):
            assert raw.recv(100) == b"%03d" % number
            assert hop.recording.bytes_from("server").endswith(b"%03d" % number)
            raw.sendall(b".")


def test_half_a_close_of_the_client_is_passed_on_and_the_answer_still_comes(peer, dial, read_all):
    with tap(peer(lambda connection: connection.sendall(b"got " + read_to_end(connection)))) as hop:
        raw = dial(hop.url)
        raw.sendall(b"everything")
        raw.shutdown(socket.SHUT_WR)
        assert read_all(raw) == (b"got everything", "FIN")
    assert seen(hop, "client") == ["open", "data", "close"]
    assert seen(hop, "server") == ["open", "data", "close"]


def test_half_a_close_of_the_server_is_passed_on_and_the_client_may_go_on(peer, dial):
    heard = []

    def handler(connection):
        connection.shutdown(socket.SHUT_WR)
        heard.append(read_to_end(connection))

    with tap(peer(handler)) as hop:
        raw = dial(hop.url)
        assert raw.recv(10) == b""
        raw.sendall(b"still here")
        raw.close()
        assert eventually(lambda: "close" in seen(hop, "client"))
        assert eventually(lambda: heard)
    assert heard == [b"still here"]


def test_a_reset_by_the_server_reaches_the_client(peer, dial, read_all):
    def handler(connection):
        connection.recv(10)
        connection.sendall(b"abc")
        connection.recv(10)
        reset(connection)

    with tap(peer(handler)) as hop:
        raw = dial(hop.url)
        raw.sendall(b"1")
        assert raw.recv(10) == b"abc"
        raw.sendall(b"2")
        assert read_all(raw) == (b"", "RST")
    assert seen(hop, "server") == ["open", "data", "reset"]


def test_a_reset_by_the_client_reaches_the_server(peer, dial):
    ended = []

    def handler(connection):
        connection.sendall(b"abc")
        try:
            ended.append(connection.recv(10))
        except ConnectionResetError:
            ended.append("RST")

    with tap(peer(handler)) as hop:
        raw = dial(hop.url)
        assert raw.recv(10) == b"abc"
        reset(raw)
        assert eventually(lambda: "reset" in seen(hop, "client"))
        assert eventually(lambda: ended)
    assert ended == ["RST"]


def test_the_last_words_of_a_client_that_leaves_with_bytes_unread_are_recorded(peer, dial):
    """Its machine sends RST behind them, and the hop may notice that while it writes."""

    def handler(connection):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"token " * 20)

    with tap(peer(handler)) as hop:
        for number in range(50):
            raw = dial(hop.url)
            assert raw.recv(10)
            raw.sendall(b"bye")
            raw.close()
            assert eventually(lambda: seen(hop, "client").count("reset") == number + 1)  # noqa: B023
        assert [hop.recording.bytes_from("client", number) for number in range(50)] == [b"bye"] * 50


def test_a_server_that_is_down_shows_as_a_clean_close(dial, read_all):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with tap(url) as hop:
        raw = dial(hop.url)
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(raw) == (b"", "FIN")
        raw.close()
        assert eventually(lambda: "close" in seen(hop, "client"))
    assert seen(hop, "server") == ["close"]


@pytest.mark.parametrize("fault", ["", "stall@0:60s", "merge:60s", "split_utf8"])
def test_a_client_that_does_not_read_stops_the_server_and_so_do_bytes_that_a_fault_keeps_back(fault, peer, dial):
    sent, done = [], threading.Event()

    def handler(connection):
        sent.append(send_until_stuck(connection))
        done.set()

    with chaos(peer(handler), fault) as hop:
        dial(hop.url)
        assert done.wait(60)
    assert len(hop.recording.bytes_from("server")) <= sent[0] < ENDLESS


def test_a_server_that_does_not_read_stops_the_client(peer, dial):
    done = threading.Event()
    with tap(peer(lambda connection: done.wait(60))) as hop:
        assert send_until_stuck(dial(hop.url)) < ENDLESS
        assert len(hop.recording.bytes_from("client")) < ENDLESS
        done.set()


def test_stopping_a_hop_ends_what_is_open_and_can_be_repeated(peer, dial, read_all):
    hop = tap(peer(lambda connection: connection.recv(10)))
    raw = dial(hop.url)
    hop.stop()
    hop.stop()
    assert read_all(raw)[0] == b""
    with pytest.raises(ConnectionRefusedError):
        dial(hop.url)


@pytest.mark.parametrize("url", ["127.0.0.1:80", "", "ftp://127.0.0.1", None, "http://"])
def test_what_is_no_url_of_a_server_is_refused(url):
    with pytest.raises(MisuseError, match=r"server\.url"):
        tap(url)


# chaos


def fetch(url):
    return httpx.post(f"{url}/v1/chat/completions", json={"messages": [{"role": "user"}], "stream": True})


def test_split_changes_the_cuts_and_not_the_bytes():
    with serve(openai_api.create_app(FAST)) as server, tap(server.url) as before, chaos(before.url) as hop:
        text = "".join(event.data for event in SSEDecoder().feed(fetch(hop.url).content) if event.data != "[DONE]")
    assert text.count("chat.completion.chunk") == 42
    assert hop.recording.bytes_from("server") == before.recording.bytes_from("server")
    assert {len(chunk.data) for chunk in hop.recording.chunks if chunk.side == "server"} == {0, 1}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cuts_are_those_of_the_seed_and_the_real_client_reads_across_them(seed):
    with serve(openai_api.create_app(FAST)) as server, chaos(server.url, "split:1-30", seed) as hop:
        client = openai.OpenAI(base_url=f"{hop.url}/v1", api_key="none", max_retries=0)
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
        client.close()
        assert answer.choices[0].message.content == FAST.text
        sent = hop.recording.bytes_from("server")
        pieces = [chunk.data for chunk in hop.recording.chunks if chunk.side == "server" and chunk.data]
    planned = ByteFaults(FaultPlan.parse("split:1-30"), seed).feed(sent, 0.0)
    cuts, planned_cuts = set(accumulate(map(len, pieces))), set(accumulate(len(send.data) for send in planned))
    assert len(planned_cuts) > 10
    assert planned_cuts <= cuts


def test_merge_collects_what_the_server_sent_in_pieces(peer, dial, read_all):
    def handler(connection):
        for piece in (b"a", b"b", b"c"):
            connection.sendall(piece)
            threading.Event().wait(0.02)

    with chaos(peer(handler), "merge:10s") as hop:
        assert read_all(dial(hop.url)) == (b"abc", "FIN")
    assert [chunk.data for chunk in hop.recording.chunks if chunk.kind == "data"] == [b"abc"]


def test_drop_ends_the_connection_after_that_many_bytes(peer, dial, read_all):
    left = threading.Event()

    def handler(connection):
        connection.sendall(b"0123456789")
        read_to_end(connection)
        left.set()

    with chaos(peer(handler), "drop@4*1") as hop:
        assert read_all(dial(hop.url)) == (b"0123", "FIN")
        assert left.wait(60), "the server learns of it, too"
        assert hop.recording.bytes_from("server", conn=0) == b"0123"
        second = dial(hop.url)
        assert second.recv(100) == b"0123456789"


def test_reset_breaks_the_connection_after_that_many_bytes_however_late_they_are_read(peer, dial, read_all):
    size, ended = 3_000_000, []

    def handler(connection):
        try:
            connection.sendall(bytes(2 * size))
            ended.append(read_to_end(connection))
        except ConnectionError as error:
            ended.append(error)

    with chaos(peer(handler), f"reset@{size}") as hop:
        raw = dial(hop.url)
        assert eventually(lambda: len(hop.recording.bytes_from("server")) > 100_000)
        assert read_all(raw) == (bytes(size), "RST")
        assert eventually(lambda: ended), "the server learns of it, too"
    assert seen(hop, "server")[-1] == "reset"


def test_places_are_drawn_from_the_seed_anew_for_each_connection(peer, dial, read_all):
    def lengths(seed):
        with chaos(url, "drop@1-5000", seed) as hop:
            return [len(read_all(dial(hop.url))[0]) for _ in range(4)]

    url = peer(lambda connection: connection.sendall(bytes(6000)))
    first, again, other = lengths(1), lengths(1), lengths(2)
    assert first == again != other
    assert len(set(first)) > 1
    assert all(1 <= length <= 5000 for length in first + other)


def test_cuts_inside_characters_and_line_ends_do_not_confuse_a_real_client():
    text = "Grüße, 世界, 🙂\u2028 "
    with (
        serve(openai_api.create_app(ScriptedModel(text * 5, pace=0))) as server,
        chaos(server.url, "split_utf8, split_crlf") as hop,
        openai.OpenAI(base_url=f"{hop.url}/v1", api_key="none", max_retries=0) as client,
    ):
        chunks = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text * 5
    pieces = [chunk.data for chunk in hop.recording.chunks if chunk.side == "server"]
    assert sum(piece[:1] in b"\n" for piece in pieces if piece) > 20
    assert not any(0x80 <= byte < 0xC0 for piece in pieces for byte in piece[1:])


def test_a_token_fault_is_refused():
    with pytest.raises(MisuseError, match="create_app"):
        chaos("http://127.0.0.1:1", "cut@5")


def test_a_seed_that_is_no_number_is_refused():
    with pytest.raises(MisuseError, match="seed"):
        chaos("http://127.0.0.1:1", seed="7")


# all hops


def test_the_library_offers_every_hop_by_its_name():
    assert {name: getattr(course_lib, name) for name in hops.__all__ if name != "Hop"} == {
        name: getattr(hops, name) for name in hops.__all__ if name != "Hop"
    }


async def anything(scope, receive, send):
    """Answers of every kind: with a length, in chunks, without a body; and the request's body as it came."""
    asked, more = b"", True
    while more:
        message = await receive()
        asked, more = asked + message["body"], message["more_body"]
    path, status, headers = scope["path"], 200, [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    if path in ("/204", "/304"):
        status = int(path[1:])
    body = b"" if status != 200 else asked or b"some text, " * 100
    headers += [(b"content-length", b"%d" % len(body))] if path == "/length" else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(body), 500):
        await send({"type": "http.response.body", "body": body[start : start + 500], "more_body": True})
    await send({"type": "http.response.body"})


def answers(client, url, *, chunks):
    """What a client sees of a row of requests on one connection, as far as it is able to keep it."""
    bodies = [b"x", bytes(range(256)) * 4000, *([lambda: iter([b"one", b"", b"two" * 30_000])] if chunks else [])]
    asked = [(method, path, None) for path in ("/length", "/chunked", "/204", "/304") for method in ("GET", "HEAD")]
    asked += [("POST", path, body) for path in ("/length", "/chunked") for body in bodies]
    for method, path, body in asked:
        answer = client.request(method, url + path, content=body() if callable(body) else body)
        yield method, path, answer.status_code, answer.content, answer.headers.get_list("set-cookie")


HOPS = {
    "tap": tap,
    "chaos": partial(chaos, faults="split:1-3000, merge:1ms, stall@9000:10ms, split_crlf", seed=3),
    "buffering": buffering,
    "buffering, 100 bytes": partial(buffering, hold=100, x_accel=True, idle=60),
    "buffering, gzip": partial(buffering, gzip=True),
    "buffering, HTTP/1.0": partial(buffering, hold=0, http10=True),
    "nginx": nginx,
    "nginx, HTTP/1.1 and gzip": partial(nginx, http_version="1.1", gzip=True),
    "nginx without buffering": partial(nginx, buffering=False),
}


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("kind", HOPS)
def test_through_every_hop_a_client_sees_what_it_would_see_without(kind, http):
    with serve(anything, http=http) as server, HOPS[kind](server.url) as hop, httpx.Client() as client:
        chunks = kind != "buffering, HTTP/1.0"  # which answers 411: HTTP/1.0 has none
        direct = list(answers(client, server.url, chunks=chunks))
        assert {answer[2] for answer in direct} == {200, 204, 304}
        assert list(answers(client, hop.url, chunks=chunks)) == direct
        assert hop.recording.bytes_from("server").startswith(b"HTTP/1.1 200 OK\r\n")

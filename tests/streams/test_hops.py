"""Hops: what passes is what is recorded, and what one side does to its connection reaches the other."""

import socket
import threading
from itertools import accumulate

import httpx
import openai
import pytest

from course_lib.apps import openai_api
from course_lib.errors import MisuseError
from course_lib.faults import ByteFaults, FaultPlan
from course_lib.hops import chaos, tap
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder

FAST = ScriptedModel(pace=0)


class Peer:
    """A server that does what a test tells it: `handler(connection)` in a thread per connection."""

    def __init__(self, handler):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.handler = handler
        self.threads = []
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            self.threads.append(threading.Thread(target=self.run, args=(connection,)))
            self.threads[-1].start()

    def run(self, connection):
        with connection:
            self.handler(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in (self.thread, *self.threads):
            thread.join(10)


@pytest.fixture
def peer():
    started = []

    def start(handler):
        started.append(Peer(handler))
        return started[-1].url

    yield start
    for one in started:
        one.close()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def read_to_end(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def seen(hop, side):
    return [chunk.kind for chunk in hop.recording.chunks if chunk.side == side]


def eventually(hop, side, kind):
    """Wait until the recording shows this; it is written by another thread."""
    for _ in range(500):
        if kind in seen(hop, side):
            return True
        threading.Event().wait(0.01)
    return False


def test_a_tap_changes_nothing_and_records_both_sides(dial):
    with serve(openai_api.create_app(FAST)) as server, tap(f"{server.url}/v1") as hop:
        assert hop.url.endswith("/v1")
        client = openai.OpenAI(base_url=hop.url, api_key="none", max_retries=0)
        chunks = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == FAST.text
        client.close()
        assert hop.recording.bytes_from("client").startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"text/event-stream" in hop.recording.bytes_from("server")
        assert eventually(hop, "client", "close")
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
        assert eventually(hop, "client", "close")
        for _ in range(500):
            if heard:
                break
            threading.Event().wait(0.01)
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
        assert eventually(hop, "client", "reset")
        for _ in range(500):
            if ended:
                break
            threading.Event().wait(0.01)
    assert ended == ["RST"]


def test_a_server_that_is_down_shows_as_a_clean_close(dial, read_all):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with tap(url) as hop:
        raw = dial(hop.url)
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(raw) == (b"", "FIN")
        raw.close()
        assert eventually(hop, "client", "close")
    assert seen(hop, "server") == ["close"]


def test_a_client_that_does_not_read_stops_the_server(peer, dial):
    sent, done = [0], threading.Event()

    def handler(connection):
        connection.settimeout(0.5)
        try:
            while sent[0] < 200_000_000:
                sent[0] += connection.send(b"x" * 65536)
        except TimeoutError:
            pass
        done.set()

    with tap(peer(handler)) as hop:
        dial(hop.url)
        assert done.wait(10)
    assert len(hop.recording.bytes_from("server")) <= sent[0] < 30_000_000


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
        assert left.wait(5), "the server learns of it, too"
        assert hop.recording.bytes_from("server", conn=0) == b"0123"
        second = dial(hop.url)
        assert second.recv(100) == b"0123456789"


def test_bytes_that_a_fault_keeps_back_stop_the_server(peer, dial):
    sent, done = [0], threading.Event()

    def handler(connection):
        connection.settimeout(0.5)
        try:
            while sent[0] < 200_000_000:
                sent[0] += connection.send(b"x" * 65536)
        except TimeoutError:
            pass
        done.set()

    with chaos(peer(handler), "stall@0:60s") as hop:
        dial(hop.url)
        assert done.wait(10)
    assert sent[0] < 30_000_000


def test_a_token_fault_is_refused():
    with pytest.raises(MisuseError, match="create_app"):
        chaos("http://127.0.0.1:1", "cut@5")

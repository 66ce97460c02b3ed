"""`resume` over real sockets: what a client is told, in every case of the contract."""

import json
import socket
import sqlite3
import threading
from dataclasses import replace

import httpx
import pytest

from course_lib.apps import resume
from course_lib.apps.replay_sqlite import SqliteStore
from course_lib.endings import classify_ending
from course_lib.errors import MisuseError, ServerError
from course_lib.hops import tap
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams.peers import eventually

TOKENS = ScriptedModel().tokens()
FAST = ScriptedModel(pace=0)
ENDLESS = ScriptedModel("more and " * 10_000, pace=0.005)
LONG = ScriptedModel(" ".join(["w" * 30_000] * 600), pace=0)  # 18 MB: more than the buffers of a connection
SILENT = ScriptedModel(pace=0, slow_start=1000)


@pytest.fixture
def start():
    """`start(model, faults, ...)` serves the app and gives the server."""
    servers = []

    def run(model=FAST, faults=None, http="h11", **options):
        servers.append(serve(resume.create_app(model, faults, **options), http=http))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()
        assert server.last_error is None


def post(server, asked=None, **headers):
    answer = httpx.post(f"{server.url}/generate", json={"prompt": "Hi"} if asked is None else asked, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return f"{server.url}/generate/{answer.json()['id']}"


def events(body):
    return SSEDecoder().feed(body)


def read(url, last="", **headers):
    """The events of one connection, and the error that it ended with."""
    found, decoder = [], SSEDecoder()
    try:
        with httpx.stream("GET", url, headers={"Last-Event-ID": last} | headers, timeout=20) as answer:
            assert answer.status_code == 200, answer.read()
            for data in answer.iter_raw():
                found += decoder.feed(data)
    except httpx.TransportError as error:
        return found, error
    return found, None


@pytest.fixture
def slow_reader():
    """`slow_reader(url)` asks for a stream and gives the socket, whose buffer is small, without reading from it."""
    opened = []

    def connect(url):
        address, _, path = url.removeprefix("http://").partition("/")
        raw = socket.socket()
        opened.append(raw)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", int(address.rpartition(":")[2])))
        raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return raw

    yield connect
    for raw in opened:
        raw.close()


def text(found):
    return "".join(event.data for event in found if event.event == "message")


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


# Starting and reading.


@pytest.mark.parametrize("http", ["h11", "httptools", "zttp"])
def test_a_generation_is_started_and_read_to_its_end(start, http):
    server = start(http=http)
    answer = httpx.post(f"{server.url}/generate", json={"prompt": "Hi"})
    assert (answer.status_code, len(answer.json()["id"]) >= 16) == (201, True)
    assert answer.headers["location"] == f"/generate/{answer.json()['id']}"
    stream = httpx.get(f"{server.url}{answer.headers['location']}")
    assert stream.headers["content-type"] == "text/event-stream"
    *tokens, done = events(stream.content)
    assert [(event.event, event.data) for event in tokens] == [("message", token) for token in TOKENS]
    assert (done.event, json.loads(done.data)) == ("done", {"finish_reason": "stop", "tokens": len(TOKENS)})
    assert len({event.id for event in (*tokens, done)}) == len(TOKENS) + 1


def test_the_ids_of_generations_and_events_differ(start):
    server = start()
    urls = {post(server) for _ in range(20)}
    ids = [event.id for url in urls for event in read(url)[0]]
    assert (len(urls), len(set(ids))) == (20, 20 * (len(TOKENS) + 1))


def test_max_tokens_is_kept_to_and_told(start):
    found, _ = read(post(start(), {"prompt": "Hi", "max_tokens": 3}))
    assert [event.data for event in found[:-1]] == TOKENS[:3]
    assert json.loads(found[-1].data) == {"finish_reason": "length", "tokens": 3}
    assert classify_ending(found, vocabulary="resume") == "length"


@pytest.mark.parametrize("body", [{}, {"prompt": 1}, {"prompt": None}, {"prompt": "Hi", "max_tokens": 0}, [], "x"])
def test_a_request_that_makes_no_sense_is_refused(start, body):
    server = start()
    assert httpx.post(f"{server.url}/generate", json=body).status_code == 400
    assert server.stats["generations"] == 0


def test_it_goes_on_while_nobody_listens(start):
    server = start(ScriptedModel(pace=0.002))
    url = post(server)
    assert eventually(lambda: not server.stats["generations"])
    assert server.stats["streams"] == 0
    assert text(read(url)[0]) == DEFAULT_TEXT


def test_the_head_comes_before_the_first_token(start):
    server = start(SILENT)
    url = post(server)
    with httpx.stream("GET", url, timeout=20) as answer:
        data = answer.iter_raw()
        assert next(data) == b": connected\n\n"
        assert server.stats == {"connections": 1, "streams": 1, "generations": 1}
    httpx.delete(url)
    assert eventually(lambda: not server.stats["streams"])


def test_a_reader_is_told_how_long_to_wait_before_it_comes_back(start):
    decoder = SSEDecoder()
    decoder.feed(httpx.get(post(start(retry=1500))).content)
    assert decoder.retry == 1500


# Going on.


def test_a_reader_goes_on_after_any_event(start):
    url = post(start())
    found, _ = read(url)
    for place in range(len(found) - 1):
        assert read(url, found[place].id) == (found[place + 1 :], None)


def test_a_fetch_client_can_send_the_id_in_a_body(start):
    url = post(start())
    found, _ = read(url)
    for body in ({"last_event_id": found[9].id}, {"last_event_id": found[9].id, "more": 1}):
        assert events(httpx.post(url, json=body).content) == found[10:]
    for body in ({}, {"last_event_id": ""}, {"last_event_id": None}):
        assert events(httpx.post(url, json=body).content) == found
    assert events(httpx.post(url, headers={"Last-Event-ID": found[9].id}).content) == found[10:]
    assert httpx.post(url, json={"last_event_id": 9}).status_code == 400


def test_who_has_seen_the_end_gets_204(start):
    url = post(start())
    found, _ = read(url)
    answer = httpx.get(url, headers={"Last-Event-ID": found[-1].id})
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    assert httpx.post(url, json={"last_event_id": found[-1].id}).status_code == 204


def test_the_head_alone_ends_at_once_and_leaves_the_connection_free(start):
    server = start(SILENT, faults="cut@0*1")
    url = post(server)
    with httpx.Client(timeout=20) as client:
        head = client.head(url)
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
        assert "content-length" not in head.headers
        assert client.delete(url).status_code == 204
        with pytest.raises(httpx.RemoteProtocolError):  # the fault was kept for a reader
            client.get(url)


def test_tokens_that_arrive_during_the_replay_are_neither_lost_nor_doubled(start):
    url = post(start(ScriptedModel("so " * 3000, pace=0)))
    found, position = [], ""
    while not found or found[-1].event != "done":
        with httpx.stream("GET", url, headers={"Last-Event-ID": position}) as answer:
            decoder = SSEDecoder()
            for data in answer.iter_raw(700):
                found += decoder.feed(data)
                if len(found) % 7 == 0:
                    break
        position = found[-1].id if found else ""
    assert text(found) == "so " * 3000


def test_two_readers_and_a_slow_one_all_get_everything(start, slow_reader):
    server = start(LONG)
    url = post(server)
    slow = slow_reader(url)
    found = []
    readers = [threading.Thread(target=lambda: found.append(read(url))) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert eventually(lambda: server.stats["streams"] == 1)  # the slow one, which has read nothing
    assert not server.stats["generations"]
    assert [text(events_) for events_, _ in found] == [LONG.text] * 2
    data = bytearray()
    while part := slow.recv(1 << 20):
        data += part
    assert data.count(b"\ndata: ") == 601  # and `done`
    assert data.count(b"w" * 30_000) == 600


def test_a_reader_that_is_left_behind_is_told_so_and_then_refused(start, slow_reader):
    server = start(replace(LONG, slow_start=2.0), capacity=50)  # the reader is there before the first token is gone
    url = post(server)
    raw = slow_reader(url)
    assert eventually(lambda: not server.stats["generations"])
    data = bytearray()
    while part := raw.recv(1 << 20):
        data += part
    assert data.startswith(b"HTTP/1.1 200 ")
    assert b"event: done" not in data
    assert b'event: error\ndata: {"error"' in data[-1000:]
    assert b'"cannot_replay"' in data[-1000:]
    assert code(httpx.get(url)) == (410, "cannot_replay")
    assert httpx.delete(url).status_code == 204


# Who may read what, and what is gone.


def test_a_generation_belongs_to_its_bearer(start):
    server = start(SILENT)
    url = post(server, authorization="Bearer mine")
    for headers in (
        {},
        {"Authorization": "Bearer other"},
        {"Authorization": "Basic mine"},
        {"Authorization": "mine"},
    ):
        for method in ("GET", "POST", "DELETE"):
            assert code(httpx.request(method, url, headers=headers)) == (404, "not_found")
    assert server.stats["generations"] == 1
    assert httpx.delete(url, headers={"Authorization": "bearer  mine"}).status_code == 204
    assert read(url, authorization="Bearer mine")[0][-1].event == "cancelled"


def test_a_generation_of_nobody_is_read_by_who_knows_its_id(start):
    url = post(start())
    assert text(read(url)[0]) == text(read(url, authorization="Bearer anybody")[0]) == DEFAULT_TEXT


def test_an_unknown_id_is_404_whatever_it_looks_like(start):
    server = start()
    url = post(server)
    other = "B" if url[-1] == "A" else "A"
    for unknown in (
        url[:-1] + other,
        url + "A",
        url[:-1],
        f"{server.url}/generate/x",
        f"{server.url}/generate/%00%FFé",
    ):
        for method in ("GET", "POST", "DELETE"):
            assert code(httpx.request(method, unknown)) == (404, "not_found")


def test_an_event_id_that_cannot_be_replayed_is_410(start):
    server = start()
    url, other = post(server), post(server)
    found, foreign = read(url)[0], read(other)[0]
    for last in (foreign[3].id, foreign[-1].id, found[3].id + "00", "3", "x", "☕", found[0].id.replace(".1", ".0")):
        assert code(httpx.get(url, headers={"Last-Event-ID": last.encode()})) == (410, "cannot_replay")
        assert code(httpx.post(url, json={"last_event_id": last})) == (410, "cannot_replay")


def test_a_generation_that_was_evicted_is_410_to_its_owner_and_404_to_others(start):
    server = start(generations=2)
    first = post(server, authorization="Bearer mine")
    read(first, authorization="Bearer mine")
    for _ in range(2):
        read(post(server))
    for method in ("GET", "POST", "DELETE"):
        assert code(httpx.request(method, first, headers={"Authorization": "Bearer mine"})) == (410, "evicted")
        assert code(httpx.request(method, first)) == (404, "not_found")


def test_when_all_are_at_work_there_is_no_room_for_one_more(start):
    server = start(SILENT, generations=2)
    urls = [post(server) for _ in range(2)]
    answer = httpx.post(f"{server.url}/generate", json={"prompt": "Hi"})
    assert (*code(answer), answer.headers["retry-after"]) == (503, "full", "1")
    httpx.delete(urls[0])
    post(server)
    assert code(httpx.get(urls[0])) == (410, "evicted")


# One generation per request.


def test_a_repeated_request_gives_the_same_generation(start):
    server = start(ScriptedModel(pace=0.01))
    asked = {"prompt": "Hi", "max_tokens": 5}
    first = httpx.post(f"{server.url}/generate", json=asked, headers={"Idempotency-Key": '"k 1"'})
    again = httpx.post(
        f"{server.url}/generate", json=dict(reversed(asked.items())), headers={"Idempotency-Key": '"k 1"'}
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert len({post(server, **{"idempotency-key": key}) for key in ("a", '"a"', "b")}) == 2


def test_many_repeats_at_once_start_one_generation(start):
    server, urls = start(ENDLESS), []
    threads = [threading.Thread(target=lambda: urls.append(post(server, **{"Idempotency-Key": "k"}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(urls), len(set(urls)), server.stats["generations"]) == (8, 1, 1)


def test_a_key_belongs_to_its_bearer(start):
    server = start()
    urls = [post(server, **{"Idempotency-Key": "k", "Authorization": bearer}) for bearer in ("Bearer a", "Bearer b")]
    assert len(set(urls)) == 2


def test_a_key_with_another_request_is_refused(start):
    server = start()
    post(server, **{"Idempotency-Key": "k"})
    answer = httpx.post(f"{server.url}/generate", json={"prompt": "Other"}, headers={"Idempotency-Key": "k"})
    assert code(answer) == (422, "key_reused")


@pytest.mark.parametrize("key", ["a" * 256, "a b", '"', "é", 'a"b'])
def test_a_key_that_is_none_is_refused(start, key):
    answer = httpx.post(
        f"{start().url}/generate", json={"prompt": "Hi"}, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")


# Ends.


def test_delete_stops_the_model_and_tells_the_readers(start):
    server = start(ENDLESS)
    url, found = post(server), []
    with httpx.stream("GET", url, timeout=20) as answer:
        decoder, deleted = SSEDecoder(), False
        for data in answer.iter_raw():
            found += decoder.feed(data)
            if found and not deleted:
                deleted = httpx.delete(url).status_code == 204
    assert deleted
    assert (found[-1].event, json.loads(found[-1].data)) == ("cancelled", {"finish_reason": "cancelled"})
    assert classify_ending(found, vocabulary="resume") == "cancelled"
    assert eventually(lambda: not server.stats["generations"])
    assert read(url) == (found, None)
    assert httpx.delete(url).status_code == 204
    assert httpx.get(url, headers={"Last-Event-ID": found[-1].id}).status_code == 204


def test_delete_after_the_end_changes_nothing(start):
    url = post(start())
    found = read(url)
    assert httpx.delete(url).status_code == 204
    assert read(url) == found


def test_an_error_of_the_model_is_replayed_like_any_event(start):
    url = post(start(faults="error@4"))
    found, _ = read(url)
    assert [event.event for event in found] == ["message"] * 4 + ["error"]
    error = json.loads(found[-1].data)["error"]
    assert (error["type"], error["message"]) == ("server_error", "the scripted model failed, as its fault plan says")
    assert read(url, found[1].id)[0] == found[2:]
    assert classify_ending(found, vocabulary="resume") == "error"
    assert httpx.get(url, headers={"Last-Event-ID": found[-1].id}).status_code == 204


def test_a_generation_that_crashes_ends_as_an_error_without_the_reason(start):
    class Broken(ScriptedModel):
        def steps(self, max_tokens=None):
            yield from list(super().steps(max_tokens))[:2]
            raise RuntimeError("password hunter2")

    server = serve(resume.create_app(Broken(pace=0)))
    with server:
        found, _ = read(post(server))
        assert eventually(lambda: server.last_error)
    assert (found[-1].event, "hunter2" in found[-1].data) == ("error", False)
    assert "hunter2" in server.last_error


def test_a_server_that_stops_says_so_to_the_readers_of_what_it_makes(start):
    server = start(ENDLESS)
    url, found = post(server), []
    with httpx.stream("GET", url, timeout=20) as answer:
        decoder, stopping = SSEDecoder(), None
        for data in answer.iter_raw():
            found += decoder.feed(data)
            if found and stopping is None:
                stopping = threading.Thread(target=server.stop)
                stopping.start()
    stopping.join()
    assert (found[-1].event, found[-1].id) == ("error", found[-2].id)  # the position does not move: it can come back
    assert json.loads(found[-1].data)["error"]["message"] == "The server is shutting down."


# Faults.


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut@5*1", httpx.RemoteProtocolError), ("reset@5*1", httpx.ReadError), ("truncate@5*1", type(None))],
)
def test_connection_faults_hit_the_reader_and_the_generation_goes_on(start, fault, error):
    server = start(ScriptedModel(pace=0.002), fault)
    url = post(server)
    found, problem = read(url)
    assert isinstance(problem, error)
    assert text(found) == "".join(TOKENS[:5])
    assert classify_ending(found, repr(problem) if problem else None, "resume") == "truncated"
    rest, problem = read(url, found[-1].id)
    assert (text(found + rest), problem) == (DEFAULT_TEXT, None)


@pytest.mark.parametrize("place", [0, len(TOKENS)])
def test_a_cut_at_the_edges(start, place):
    found, problem = read(post(start(faults=f"cut@{place}")))
    assert isinstance(problem, httpx.RemoteProtocolError)
    assert [event.data for event in found] == TOKENS[:place]


def test_a_reader_that_is_cut_at_every_connection_still_arrives(start):
    url, found, cuts = post(start(faults="cut@3")), [], 0
    while not found or found[-1].event != "done":
        more, problem = read(url, found[-1].id if found else "")
        found += more
        cuts += problem is not None
    assert (text(found), cuts) == (DEFAULT_TEXT, (len(TOKENS)) // 3)


def test_a_garbled_token_is_whole_when_it_is_read_again(start):
    url = post(start(faults="garble@2*1"))
    first, again = read(url)[0], read(url)[0]
    assert (first[2].data, again[2].data) == ("\ufffd\ufffd", TOKENS[2])
    assert [event.id for event in first] == [event.id for event in again]


def test_a_status_is_the_answer_to_the_first_readers(start):
    url = post(start(faults="status@0:429*2"))
    answers = [httpx.get(url) for _ in range(3)]
    assert [(answer.status_code, answer.headers.get("retry-after")) for answer in answers] == [
        (429, "1"),
        (429, "1"),
        (200, None),
    ]


def test_a_stall_holds_up_one_reader_and_nobody_else(start, slow_reader):
    server = start(faults="stall@2:1000s*1")
    url = post(server)
    raw = slow_reader(url)
    data = b""
    while data.count(b"data:") < 2:
        data += raw.recv(65536)
    assert text(read(url)[0]) == DEFAULT_TEXT
    assert eventually(lambda: server.stats == {"connections": 1, "streams": 1, "generations": 0})


def test_slow_start_and_error_count_generations(start):
    server = start(faults="error@0*1")
    assert read(post(server))[0][0].event == "error"
    assert text(read(post(server))[0]) == DEFAULT_TEXT


# A file.


def test_a_file_brings_generations_over_a_restart(start, tmp_path):
    file = tmp_path / "generations.db"
    server = start(ScriptedModel(pace=0.001), store=file)
    url = post(server, authorization="Bearer mine")
    found, _ = read(url, authorization="Bearer mine")
    server.stop()
    again = start(store=file)
    url = url.replace(server.url, again.url)
    assert read(url, found[4].id, authorization="Bearer mine") == (found[5:], None)
    assert code(httpx.get(url)) == (404, "not_found")
    assert b"mine" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_generation_that_a_stop_cut_off_ends_as_an_error(start, tmp_path):
    file = str(tmp_path / "generations.db")
    server = start(ENDLESS, store=file)
    url = post(server)
    with httpx.stream("GET", url, timeout=20) as answer:
        found = events(b"".join(data for _, data in zip(range(5), answer.iter_raw(), strict=False)))
    server.stop()
    again = start(store=file)
    url = url.replace(server.url, again.url)
    rest, problem = read(url, found[-1].id)
    assert (rest[-1].event, problem) == ("error", None)
    assert ENDLESS.text.startswith(text(found + rest))
    assert read(url)[0] == found + rest


def test_a_file_in_use_is_told_at_the_start(start, tmp_path):
    start(store=str(tmp_path / "generations.db"))
    with pytest.raises(ServerError, match="one server can use it at a time"):
        serve(resume.create_app(store=str(tmp_path / "generations.db")))


def test_a_disk_that_is_full_ends_the_generation_as_an_error(start, tmp_path, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    server = start(ENDLESS, store=str(tmp_path / "generations.db"))
    url, found = post(server), []
    with httpx.stream("GET", url, timeout=20) as answer:
        decoder = SSEDecoder()
        for data in answer.iter_raw():
            found += decoder.feed(data)
            if len(found) == 3:
                monkeypatch.setattr(SqliteStore, "_commit", full)
    assert (found[-1].event, json.loads(found[-1].data)["error"]["code"]) == ("error", "interrupted")
    assert code(httpx.post(f"{server.url}/generate", json={"prompt": "Hi"})) == (503, "store_away")
    assert read(url)[0] == found


# Misuse.


@pytest.mark.parametrize(
    "options",
    [
        {"capacity": 0},
        {"capacity": True},
        {"generations": 0},
        {"keep": 0},
        {"lease": -1},
        {"retry": -1},
        {"keep": "1"},
        {"lease": float("inf")},
        {"ping": 0},
        {"model": "Hi"},
        {"store": ""},
        {"store": 5},
        {"store": "http://127.0.0.1"},
        {"store": "redis://127.0.0.1:port"},
        {"faults": "split:1"},
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(options):
    with pytest.raises(MisuseError):
        resume.create_app(**options)


def test_what_passes_is_what_was_promised(start):
    with tap(start().url) as hop:
        url = post(hop)
        httpx.get(url, headers={"Connection": "close"})
    body = b"".join(chunk.data for chunk in hop.recording.chunks if chunk.side == "server")
    id = url.rpartition("/")[2].encode()
    assert b"id: %s.1\ndata: Streaming\n\n" % id in body
    assert b'event: done\nid: %s.41\ndata: {"finish_reason": "stop", "tokens": 40}\n\n' % id in body

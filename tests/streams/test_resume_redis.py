"""`resume` on several servers: two processes, one real Redis; and on one file, with a server that is killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from course_lib.apps import resume
from course_lib.errors import ServerError
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams import redis_server as redis_servers
from tests.streams.peers import eventually

redis_server = redis_servers.redis_server
TEXT = "and so it goes on " * 20_000
SERVER = """
import sys
from course_lib import ScriptedModel, serve
from course_lib.apps import resume
text, pace, store, lease = sys.argv[1], float(sys.argv[2]), sys.argv[3], float(sys.argv[4])
with serve(resume.create_app(ScriptedModel(text * 20_000, pace=pace), store=store, lease=lease)) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


class Process:
    """A server in a process of its own: `url`; `kill()` as `kill -9` does."""

    def __init__(self, store, pace=0.005, lease=30.0, text="and so it goes on "):
        command = [sys.executable, "-c", SERVER, text, str(pace), store, str(lease)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module", autouse=True)
def _redis_first(redis_server):
    """Started before the first test looks at what is there."""


@pytest.fixture
def start(redis_server):
    """`start(...)`: a server of its own process; the store is Redis if not said otherwise."""
    processes = []

    def run(store=None, **options):
        processes.append(Process(store or redis_server.url, **options))
        return processes[-1]

    yield run
    for process in processes:
        process.end()
    with redis_server.client() as client:
        client.flushall()


@pytest.fixture
def two(start):
    return start(), start()


def post(server, **headers):
    answer = httpx.post(f"{server.url}/generate", json={"prompt": "Hi"}, headers=headers, timeout=20)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"]


class Reading(threading.Thread):
    """A reader in a thread: `events` as they come, `error` at the end."""

    def __init__(self, server, id, last="", enough=None, **headers):
        super().__init__()
        self.url, self.headers = f"{server.url}/generate/{id}", {"Last-Event-ID": last} | headers
        self.events, self.error, self.enough = [], None, enough
        self.start()

    def run(self):
        decoder = SSEDecoder()
        try:
            with httpx.stream("GET", self.url, headers=self.headers, timeout=30) as answer:
                assert answer.status_code == 200, answer.read()
                for data in answer.iter_raw():
                    self.events += decoder.feed(data)
                    if self.enough is not None and len(self.events) >= self.enough:
                        break
        except httpx.TransportError as error:
            self.error = error

    def wait_for(self, count):
        assert eventually(lambda: len(self.events) >= count)

    def finish(self):
        self.join(60)
        assert not self.is_alive()
        return self.events

    @property
    def text(self):
        return "".join(event.data for event in self.events if event.event == "message")


def stats(server):
    return httpx.get(f"{server.url}/-/stats").json()


def code(event):
    return event.event, json.loads(event.data)["error"]["code"]


def test_what_one_server_makes_is_read_live_from_another(two):
    first, second = two
    id = post(first, authorization="Bearer mine")
    here, there = (Reading(server, id, authorization="Bearer mine") for server in two)
    there.wait_for(10)
    assert (stats(first)["generations"], stats(second)["generations"]) == (1, 0)
    assert httpx.get(f"{second.url}/generate/{id}").status_code == 404
    assert httpx.delete(f"{first.url}/generate/{id}", headers={"Authorization": "Bearer mine"}).status_code == 204
    assert here.finish() == there.finish()
    assert there.events[-1].event == "cancelled"
    assert TEXT.startswith(there.text)


def test_a_reader_that_is_cut_off_goes_on_at_the_other_server(two):
    first, second = two
    id = post(first)
    seen = Reading(first, id, enough=7).finish()
    for server in (second, first, second):
        seen = seen + Reading(server, id, seen[-1].id, enough=7).finish()
    httpx.delete(f"{first.url}/generate/{id}")
    numbers = [int(event.id.rpartition(".")[2]) for event in seen]
    assert numbers == list(range(1, len(seen) + 1))
    assert TEXT.startswith("".join(event.data for event in seen))


def test_cancel_on_the_other_server_stops_the_model(start):
    first, second = start(lease=2.0), start(lease=2.0)
    id = post(first)
    reader = Reading(first, id)
    reader.wait_for(3)
    assert httpx.delete(f"{second.url}/generate/{id}").status_code == 204
    assert reader.finish()[-1].event == "cancelled"
    assert eventually(lambda: stats(first)["generations"] == 0)


def test_cancel_on_the_other_server_stops_a_model_that_says_nothing(start):
    first, second = start(lease=1.0, pace=1000), start(lease=1.0, pace=1000)
    id = post(first)
    assert eventually(lambda: stats(first)["generations"] == 1)
    assert httpx.delete(f"{second.url}/generate/{id}").status_code == 204
    assert eventually(lambda: stats(first)["generations"] == 0)


def test_a_request_that_is_repeated_at_the_other_server_starts_nothing(two):
    keyed, ids = {"Idempotency-Key": "k"}, []
    threads = [threading.Thread(target=lambda s=two[n % 2]: ids.append(post(s, **keyed))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ids), len(set(ids))) == (8, 1)
    assert sum(stats(server)["generations"] for server in two) == 1
    answer = httpx.post(f"{two[1].url}/generate", json={"prompt": "Other"}, headers=keyed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "key_reused")
    httpx.delete(f"{two[0].url}/generate/{ids[0]}")


def test_a_generation_whose_server_was_killed_ends_as_interrupted(start):
    first, second = start(lease=2.0), start(lease=2.0)
    id = post(first)
    there = Reading(second, id)
    there.wait_for(5)
    here = Reading(first, id)
    here.wait_for(5)
    first.kill()
    here.finish()
    assert isinstance(here.error, httpx.TransportError)
    assert here.events[-1].event == "message"
    assert code(there.finish()[-1]) == ("error", "interrupted")
    assert (there.error, TEXT.startswith(there.text)) == (None, True)
    rest = Reading(second, id, here.events[-1].id).finish()  # the one that was cut off comes back to the other server
    assert here.events + rest == there.events


def test_a_stopped_server_ends_what_it_makes_for_all(two):
    first, second = two
    id = post(first)
    there = Reading(second, id)
    there.wait_for(5)
    first.process.stdin.close()
    first.process.wait(30)
    assert json.loads(there.finish()[-1].data)["error"]["message"] == "The server is shutting down."


def test_nothing_in_redis_names_the_bearer_or_the_prompt(start, redis_server):
    server = start()
    id = post(server, **{"Authorization": "Bearer hunter2", "Idempotency-Key": "swordfish"})
    with redis_server.client() as client:
        names = client.keys("*")
        everything = " ".join(names) + " ".join(str(client.dump(name)) for name in names if "log" not in name)
    assert len(names) == 4  # stream, lease, key, secret
    assert "hunter2" not in everything
    assert "swordfish" not in everything
    httpx.delete(f"{server.url}/generate/{id}", headers={"Authorization": "Bearer hunter2"})


def test_connections_to_redis_that_break_lose_and_double_nothing(redis_server):
    model = ScriptedModel("one two three " * 100, pace=0.003)
    with serve(resume.create_app(model, store=redis_server.url)) as server, redis_server.client() as client:
        id, last, found, breaks = post(server), "", [], 0
        while not found or found[-1].event != "done":
            reader = Reading(server, id, last)
            while reader.is_alive():
                breaks += client.client_kill_filter(_type="normal", skipme=True)
                reader.join(0.03)
            found += reader.finish()
            last = found[-1].id if found else ""
    assert "".join(event.data for event in found[:-1]) == model.text
    assert breaks > 10


def test_a_redis_that_went_away_is_503_and_cuts_readers_visibly():
    model = ScriptedModel(TEXT, pace=0.005)
    with redis_servers.running() as redis, serve(resume.create_app(model, store=redis.url, lease=4.0)) as server:
        id = post(server)
        reader = Reading(server, id)
        reader.wait_for(3)
        redis.kill()
        reader.finish()
        assert isinstance(reader.error, httpx.RemoteProtocolError)  # not a proper end
        assert reader.events[-1].event == "message"
        for answer in (
            httpx.post(f"{server.url}/generate", json={"prompt": "Hi"}, timeout=30),
            httpx.get(f"{server.url}/generate/{id}", timeout=30),
            httpx.delete(f"{server.url}/generate/{id}", timeout=30),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_away")
            assert answer.headers["retry-after"] == "1"
            assert "redis" not in answer.text.lower()
        redis.start()
        assert httpx.get(f"{server.url}/generate/{id}").json()["error"]["code"] == "evicted"  # it had no disk
        id = post(server)
        seen = Reading(server, id, enough=5).finish()
        assert TEXT.startswith("".join(event.data for event in seen))


def test_a_redis_that_is_away_at_the_start_is_told_at_once(redis_server):
    with pytest.raises(ServerError, match=r"/nowhere\.sock does not answer .* Start Redis"):
        serve(resume.create_app(store=f"unix://{redis_server.folder}/nowhere.sock"))


# A file, and a server that is killed.


def test_a_killed_server_leaves_a_file_that_tells_what_there_was(start, tmp_path):
    file = str(tmp_path / "generations.db")
    first = start(file)
    id = post(first, **{"Authorization": "Bearer mine", "Idempotency-Key": "k"})
    reader = Reading(first, id, authorization="Bearer mine")
    reader.wait_for(20)
    first.kill()
    reader.finish()
    assert isinstance(reader.error, httpx.TransportError)
    second = start(file)
    rest = Reading(second, id, reader.events[-1].id, authorization="Bearer mine").finish()
    assert code(rest[-1]) == ("error", "interrupted")
    whole = Reading(second, id, authorization="Bearer mine")
    assert whole.finish() == reader.events + rest  # nothing that was seen is lost
    assert TEXT.startswith(whole.text)
    assert post(second, **{"Authorization": "Bearer mine", "Idempotency-Key": "k"}) == id

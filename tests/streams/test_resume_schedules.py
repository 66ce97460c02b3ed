"""Cut schedules: whatever is cut, repeated, overtaken or evicted, a reader has exactly the text, or knows it has not.

10,000 of them in memory: the engine of `resume`, its log and the wire codec are the real ones, time is a number and the
network a buffer. A few hundred more over real sockets.
"""

import asyncio
import contextlib
import json
import random
import types
from collections import Counter

import httpx
import pytest

from course_lib.apps import resume
from course_lib.apps.replay import CannotReplay, Evicted, Generations, MemoryStore, position_of
from course_lib.apps.replay_engine import Engine
from course_lib.faults import FaultPlan
from course_lib.hops import chaos
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder

SCHEDULES, PARTS = 10_000, 10
TEXTS = [
    "Hi",
    " there",
    "\n",
    "☕",
    "👍🏽",
    " data: x",
    "\nid: 7\n\n",
    ":",
    "",
    " ",
    "\u2028",
    "[DONE]",
    "event: done",
    "é" * 9,
]
ENDS = ["done", "done", "error", "cancelled"]


@types.coroutine
def pause():
    yield


class Store(MemoryStore):
    """Waits for its driver in the place of an event loop."""

    async def _wait(self, id):
        await pause()


def now(coroutine):
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class Connection:
    """The server's side of one reader, driven by hand, and the bytes that are under way."""

    def __init__(self, engine, id, last):
        position = position_of(id, last)
        page = now(engine.store.read(id, position))
        self.number = position  # of the last event that came
        self.nothing_more = page.ended and not page.entries  # 204
        self.pieces = engine.events(id, position, page, None, FaultPlan())
        self.step = None
        self.under_way = b""
        self.ended = self.nothing_more
        self.decoder = SSEDecoder()
        self.decoder.feed(f"id: {last}\n\n".encode())

    def work(self):
        """Let the server go on until it has sent a piece, or waits, or has ended."""
        if self.ended:
            return
        self.step = self.step or self.pieces.__anext__()
        try:
            self.step.send(None)
        except StopIteration as sent:
            self.under_way += sent.value
            self.step = None
        except StopAsyncIteration:
            self.ended, self.step = True, None

    def receive(self, size):
        data, self.under_way = self.under_way[:size], self.under_way[size:]
        return self.decoder.feed(data)

    def close(self):
        if self.step is not None:  # as a task that is cancelled while it waits
            with pytest.raises(asyncio.CancelledError):
                self.step.throw(asyncio.CancelledError)
        now(self.pieces.aclose())


class Reader:
    """A client: one connection, sometimes two; goes on after what it has seen as a whole."""

    def __init__(self, id, expected, counts):
        self.id = id
        self.expected = expected  # [(kind, text)]
        self.counts = counts
        self.seen = 0
        self.last = ""
        self.ids = [""]
        self.connections = []
        self.over = ""  # how it ended

    def connect(self, engine, last):
        try:
            connection = Connection(engine, self.id, last)
        except (Evicted, CannotReplay) as error:
            self.end(type(error).__name__)
            return
        self.counts["connections"] += 1
        if connection.nothing_more:
            assert self.seen == len(self.expected), "204 before the end was seen"
            self.end("complete")
        else:
            self.connections.append(connection)

    def take(self, connection, size):
        for event in connection.receive(size):
            number = position_of(self.id, event.id)
            if event.event == "error" and event.id in self.ids and "code" in json.loads(event.data)["error"]:
                self.end("told")  # left behind in mid-stream
                continue
            connection.number += 1
            assert number == connection.number, "one connection gives each event once, in order"
            if number > self.seen:
                assert number == self.seen + 1, "an event was lost"
                assert (event.event, event.data) == self.expected[number - 1]
                self.seen += 1
                self.ids.append(event.id)
                if event.event != "message":
                    self.end("complete")
            else:
                self.counts["doubled"] += 1
                assert (event.event, event.data) == self.expected[number - 1]
        self.last = max(self.last, connection.decoder.last_event_id, key=lambda id: position_of(self.id, id))

    def end(self, how):
        self.over = self.over or how
        self.cut()

    def cut(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()


def schedule(seed, counts):
    """One schedule: first at random, then everything runs to its end."""
    rng = random.Random(seed)
    time = 0
    small = rng.random() < 0.2
    keep, few = rng.choice([20, 10_000, 10_000]), rng.random() < 0.5
    generations = Generations(rng.randint(1, 6) if small else 1000, 2 if few else 1000, keep)
    store = Store(generations, clock=lambda: time)
    engine = Engine(store, ScriptedModel(), FaultPlan())
    expected = [("message", rng.choice(TEXTS)) for _ in range(rng.randint(0, 20))]
    expected.append((rng.choice(ENDS), '{"error": {}}'))
    waiting = list(enumerate(expected, 1))
    assert now(store.create("id", "key", "")) == "id"
    readers = [Reader("id", expected, counts) for _ in range(rng.randint(1, 3))]
    others = 0

    def write():
        number, (kind, text) = waiting.pop(0)
        for _ in range(rng.choice([1, 1, 2])):
            now(store.append("id", kind, text, number))

    def deal(reader, wild):
        """One thing that happens to a reader."""
        if not reader.connections or (wild and len(reader.connections) < 2 and rng.random() < 0.05):
            reader.connect(engine, rng.choice(reader.ids) if wild and rng.random() < 0.1 else reader.last)
            return
        connection = rng.choice(reader.connections)
        what = rng.random()
        if wild and what < 0.1:
            counts["cuts"] += 1
            reader.cut()
        elif what < 0.5:
            connection.work()
        elif connection.under_way:
            reader.take(connection, rng.choice([1, 3, 20, 1000]))
        elif connection.ended:
            reader.cut()  # a clean end: it comes back, and is told what there is

    for _ in range(rng.randint(0, 200)):
        time += 1
        if waiting and rng.random() < 0.2:
            write()
        elif rng.random() < 0.03:
            others += 1
            now(store.create(f"other {others}", f"other {others}", ""))
            now(store.append(f"other {others}", "done", ""))
        for reader in readers:
            if not reader.over:
                deal(reader, wild=True)
    while waiting:
        write()
    for reader in readers:
        for _ in range(10_000):
            if reader.over:
                break
            deal(reader, wild=False)
        assert reader.over, "it does not end"
        counts[reader.over] += 1
        if reader.over == "complete":
            assert reader.seen == len(expected)
        else:
            assert small or keep == 20 or few, "nothing was ever evicted"
        reader.cut()
    counts["small"] += small


@pytest.mark.parametrize("part", range(PARTS))
def test_every_schedule_gives_the_exact_text_or_says_that_it_cannot(part):
    counts = Counter()
    for seed in range(part, SCHEDULES, PARTS):
        try:
            schedule(seed, counts)
        except BaseException as error:
            error.add_note(f"schedule {seed}")
            raise
    # The schedules are what they are said to be.
    assert counts["complete"] > 1000
    assert counts["cuts"] > 1000
    assert min(counts[name] for name in ("doubled", "told", "Evicted", "CannotReplay")) > 10, counts


# Over real sockets.

GENERATIONS = 30  # for each way to be cut
WAYS = {  # faults of the app, of a hop
    "client": ("", ""),
    "cut": ("cut@0-20", ""),
    "reset": ("reset@0-20", ""),
    "truncate": ("truncate@0-20", ""),
    "drop": ("", "drop@200-3000"),
    "reset of a hop": ("", "reset@200-3000"),
    "split": ("cut@0-20", "split:1-8"),
}


def follow(client, url, rng, leaves):
    """(text, connections) of one generation, read to its end. leaves: this side cuts, too."""
    found, last, connections = [], "", 0
    while not found or found[-1].event != "done":
        assert connections < 500, "it gets nowhere"
        connections += 1
        decoder = SSEDecoder()
        decoder.feed(f"id: {last}\n\n".encode())
        places = rng.randint(1, 1500) if leaves else None
        with (
            contextlib.suppress(httpx.TransportError),
            client.stream("GET", url, headers={"Last-Event-ID": last}) as got,
        ):
            assert got.status_code == 200
            for data in got.iter_raw(rng.choice([None, 7, 100])):
                found += decoder.feed(data)
                if places is not None and got.num_bytes_downloaded >= places:
                    break
        last = decoder.last_event_id
    return "".join(event.data for event in found[:-1]), connections


@pytest.mark.parametrize("way", WAYS)
def test_hundreds_of_schedules_over_sockets_give_the_exact_text(way):
    of_app, of_hop = WAYS[way]
    model = ScriptedModel(DEFAULT_TEXT, pace=0)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve(resume.create_app(model, of_app)))
        front = stack.enter_context(chaos(server.url, of_hop)) if of_hop else server
        client = stack.enter_context(httpx.Client(timeout=20))
        total = 0
        for seed in range(GENERATIONS):
            id = httpx.post(f"{server.url}/generate", json={"prompt": "Hi"}).json()["id"]
            text, connections = follow(client, f"{front.url}/generate/{id}", random.Random(seed), way == "client")
            assert text == DEFAULT_TEXT, f"schedule {seed}"
            total += connections
    assert total > 2 * GENERATIONS  # many were cut

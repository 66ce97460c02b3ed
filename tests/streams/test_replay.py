"""The memory of `resume`: the log without I/O, and what all three stores promise alike."""

import asyncio
import itertools
import json
import sqlite3
from contextlib import asynccontextmanager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis.asyncio import Redis

from course_lib.apps.replay import (
    CannotReplay,
    Evicted,
    Full,
    Generations,
    KeyReused,
    MemoryStore,
    ReplayLog,
    StoreAway,
    event_id,
    position_of,
)
from course_lib.apps.replay_redis import RedisStore
from course_lib.apps.replay_sqlite import SqliteStore
from course_lib.errors import ServerError
from tests.streams import redis_server as redis_servers

redis_server = redis_servers.redis_server


@pytest.fixture(scope="module", autouse=True)
def _redis_first(redis_server):
    """Started before the first test looks at what is there."""


@pytest.fixture(autouse=True)
def _redis_is_empty(redis_server):
    with redis_server.client() as client:
        client.flushall()


def entries(log, position=0):
    return [tuple(entry) for entry in log.after(position)]


# The log.


def test_a_log_gives_what_comes_after_a_place():
    log = ReplayLog(10)
    for text in "abc":
        assert log.append("message", text, now=0)
    assert entries(log, 0) == [(1, "message", "a"), (2, "message", "b"), (3, "message", "c")]
    assert entries(log, 2) == [(3, "message", "c")]
    assert entries(log, 3) == []


def test_the_end_is_an_entry_and_nothing_follows_it():
    log = ReplayLog(10)
    log.append("message", "a", now=1)
    assert not log.page(0).ended
    assert log.append("done", "{}", now=2)
    assert (log.append("message", "late", now=3), log.ended_at) == (False, 2)
    assert entries(log, 1) == [(2, "done", "{}")]
    assert log.page(0).ended
    assert log.page(2) == ([], True)


@pytest.mark.parametrize("capacity", [1, 3])
def test_a_place_whose_successor_is_gone_cannot_be_replayed(capacity):
    log = ReplayLog(capacity)
    for number in range(10):
        log.append("message", str(number), now=0)
    assert len(log.after(10 - capacity)) == capacity
    for position in (0, 10 - capacity - 1, 11):
        with pytest.raises(CannotReplay):
            log.after(position)


def test_an_append_that_is_repeated_adds_nothing():
    log = ReplayLog(10)
    assert [log.append("message", text, 0, number) for text, number in (("a", 1), ("a", 1), ("b", 2))] == [True] * 3
    assert [entry.text for entry in log.after(0)] == ["a", "b"]


def test_a_long_log_is_given_in_pages():
    log, seen = ReplayLog(10_000), []
    for number in range(1000):
        log.append("message", str(number), now=0)
    log.append("done", "", now=0)
    while not (page := log.page(len(seen))).ended:
        seen += page.entries
    assert [entry.number for entry in (*seen, *page.entries)] == list(range(1, 1002))


@pytest.mark.parametrize(
    "text", ["other.1", "mine.0", "mine.007", "mine.-1", "mine.x", "mine.", "mine.٣", "1", "mine", "mine.1 "]
)
def test_an_event_id_that_was_never_given_out_is_refused(text):
    with pytest.raises(CannotReplay):
        position_of("mine", text)


def test_an_event_id_leads_back_to_its_place():
    assert position_of("a.b", event_id("a.b", 17)) == 17
    assert position_of("a.b", "") == 0


# The generations.


def test_room_is_made_by_the_one_that_has_ended_and_was_not_used_for_longest():
    held = Generations(capacity=9, most=3, keep=100)
    for id in "abc":
        held.add(id, id, "")
        if id != "b":
            held.get(id, now=0).append("done", "", now=0)
    held.get("a", now=1)
    assert held.surplus(now=1) == ["c"]
    held.drop("c")
    held.add("d", "d", "")
    held.get("d", now=1)
    assert held.surplus(now=1) == ["a"]
    held.drop("a")
    held.add("e", "e", "")
    with pytest.raises(Full):
        held.surplus(now=1)


def test_the_old_go_first_and_their_keys_with_them():
    held = Generations(capacity=9, most=3, keep=100)
    held.add("a", "key", "digest").append("done", "", now=0)
    assert held.find("key", "digest", now=100) == "a"
    assert held.find("key", "digest", now=101) is None
    with pytest.raises(Evicted):
        held.get("a", now=101)
    assert held.surplus(now=101) == ["a"]


class LogMachine(RuleBasedStateMachine):
    """A log beside the simplest thing that does the same: a list."""

    def __init__(self):
        super().__init__()
        self.capacity = 4
        self.log = ReplayLog(self.capacity)
        self.all = []

    @rule(text=st.text(max_size=3), kind=st.sampled_from(["message"] * 9 + ["done"]))
    def append(self, text, kind):
        over = bool(self.all) and self.all[-1][1] != "message"
        assert self.log.append(kind, text, 0) is not over
        if not over:
            self.all.append((len(self.all) + 1, kind, text))

    @precondition(lambda self: self.all)
    @rule()
    def repeat(self):
        over = self.all[-1][1] != "message"
        assert self.log.append("message", "again", 0, len(self.all)) is not over

    @invariant()
    def every_place_is_answered_rightly(self):
        gone = max(0, len(self.all) - self.capacity)
        for position in range(len(self.all) + 2):
            if gone <= position <= len(self.all):
                assert entries(self.log, position) == self.all[position:]
            else:
                with pytest.raises(CannotReplay):
                    self.log.after(position)


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


# The stores: one contract.


@pytest.fixture(params=["memory", "sqlite", "redis"])
def new_store(request, tmp_path, redis_server):
    """`new_store(capacity, keep)`: stores of one kind that share what they hold, if that kind can."""
    redis = redis_server if request.param == "redis" else None

    def make(capacity=100, keep=100.0, most=100, lease=30.0):
        if redis is not None:
            return RedisStore(redis.url, capacity, keep, lease)
        generations = Generations(capacity, most, keep)
        return (
            SqliteStore(str(tmp_path / "log.db"), generations)
            if request.param == "sqlite"
            else MemoryStore(generations)
        )

    return make


def run(store, work):
    """`await work(store)` while the store is open."""

    async def whole():
        async with asyncio.timeout(120):
            await store.open()
            try:
                return await work(store)
            finally:
                await store.close()

    return asyncio.run(whole())


def test_a_store_gives_back_what_it_was_given(new_store):
    async def work(store):
        assert await store.create("g", "key", "digest") == "g"
        assert await store.read("g", 0) == ([], False)
        for number, text in enumerate(["Hi", "\n", "", "☕", " data: x\r"], 1):
            assert await store.append("g", "message", text, number)
        assert await store.append("g", "done", '{"finish_reason": "stop"}', 6)
        page = await store.read("g", 0)
        assert [entry.text for entry in page.entries[:-1]] == ["Hi", "\n", "", "☕", " data: x\r"]
        assert (page.entries[-1], page.ended) == ((6, "done", '{"finish_reason": "stop"}'), True)
        assert await store.read("g", 4) == (page.entries[4:], True)
        assert await store.read("g", 6) == ([], True)

    run(new_store(), work)


def test_what_cannot_be_replayed_is_told_from_what_was_evicted(new_store):
    async def work(store):
        await store.create("g", "key", "digest")
        for number in range(1, 8):
            await store.append("g", "message", str(number), number)
        assert [entry.number for entry in (await store.read("g", 4)).entries] == [5, 6, 7]
        for position in (0, 3, 8):
            with pytest.raises(CannotReplay):
                await store.read("g", position)
        with pytest.raises(Evicted):
            await store.read("unknown", 0)
        assert not await store.append("unknown", "message", "x", 1)

    run(new_store(capacity=3), work)


def test_a_key_finds_its_generation_and_refuses_another_request(new_store):
    async def work(store):
        assert [await store.create(id, "key", "digest") for id in ("a", "b")] == ["a", "a"]
        with pytest.raises(KeyReused):
            await store.create("c", "key", "other")
        found = await asyncio.gather(*(store.create(f"id{number}", "key2", "digest") for number in range(20)))
        assert len(set(found)) == 1

    run(new_store(), work)


def test_the_first_end_counts_and_repeated_appends_add_nothing(new_store):
    async def work(store):
        await store.create("g", "key", "digest")
        assert [await store.append("g", "message", "a", 1) for _ in range(3)] == [True] * 3
        assert await store.append("g", "cancelled", "{}")
        assert not await store.append("g", "message", "b", 2)
        assert not await store.append("g", "done", "{}")
        page = await store.read("g", 0)
        assert [entry.kind for entry in page.entries] == ["message", "cancelled"]

    run(new_store(), work)


def test_a_reader_waits_for_news_and_misses_none(new_store):
    async def work(store):
        await store.create("g", "key", "digest")

        async def reader():
            seen = []
            while True:
                page = await store.read("g", len(seen), wait=True)
                seen += page.entries
                if page.ended:
                    return [entry.text for entry in seen]

        readers = [asyncio.create_task(reader()) for _ in range(3)]
        for number in range(1, 301):
            await store.append("g", "message", str(number), number)
            await asyncio.sleep(0)
        await store.append("g", "done", "end", 301)
        assert await asyncio.gather(*readers) == [[*map(str, range(1, 301)), "end"]] * 3

    run(new_store(capacity=1000), work)


def test_a_reader_that_leaves_while_it_waits_takes_nothing_with_it(new_store):
    async def work(store):
        await store.create("g", "key", "digest")
        for number in range(1, 6):
            waiting = [asyncio.create_task(store.read("g", number - 1, wait=True)) for _ in range(5)]
            await asyncio.sleep(0.01)
            for task in waiting[:4]:
                task.cancel()
            await store.append("g", "message", str(number), number)
            assert (await waiting[4]).entries == [(number, "message", str(number))]

    run(new_store(), work)


def test_a_writer_that_is_cancelled_leaves_a_log_without_a_gap(new_store):
    async def work(store):
        await store.create("g", "key", "digest")
        for number in range(1, 40):
            task = asyncio.create_task(store.append("g", "message", str(number), number))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await store.append("g", "message", str(number), number)
        await store.append("g", "cancelled", "")
        page = await store.read("g", 0)
        assert [entry.text for entry in page.entries] == [*map(str, range(1, 40)), ""]

    run(new_store(), work)


def test_a_generation_is_kept_for_its_time(new_store):
    async def work(store):
        reads = 0

        async def until_it_is_gone(id):
            nonlocal reads
            await store.create(id, id, "digest")
            await store.append(id, "done", "{}")
            while await store.read(id, 0):
                reads += 1
                await asyncio.sleep(0.005)

        for number in itertools.count():
            with pytest.raises(Evicted):
                await until_it_is_gone(f"g{number}")
            if reads:  # else this machine was busy for longer than it is kept
                break

    run(new_store(keep=0.5, lease=0.5), work)


# SQLite.


def sqlite_store(path, **options):
    return SqliteStore(str(path), Generations(**{"capacity": 100, "most": 100, "keep": 1000.0, **options}))


def test_a_file_gives_everything_back_and_ends_what_was_cut_off(tmp_path):
    async def before(store):
        for id in ("whole", "half", "new"):
            await store.create(id, f"key of {id}", "digest")
        for number in range(1, 6):
            await store.append("whole", "message", str(number), number)
            await store.append("half", "message", str(number), number)
        await store.append("whole", "done", "{}")
        return await store.read("whole", 0)

    async def after(store):
        found = [await store.read(id, 0) for id in ("whole", "half", "new")]
        assert await store.create("again", "key of whole", "digest") == "whole"
        assert not await store.append("half", "message", "6", 6)
        return found

    secrets = []

    class Store(SqliteStore):
        async def open(self):
            secrets.append(await super().open())

    first = run(Store(str(tmp_path / "log"), Generations(100, 100, 1000)), before)
    for _ in range(2):
        whole, half, new = run(Store(str(tmp_path / "log"), Generations(100, 100, 1000)), after)
        assert whole == first
        assert [entry.text for entry in half.entries[:-1]] == list("12345")
        for page, number in ((half, 6), (new, 1)):
            assert page.ended
            assert page.entries[-1][:2] == (number, "error")
            assert json.loads(page.entries[-1].text)["error"]["code"] == "interrupted"
    assert len(set(secrets)) == 1


def test_what_is_evicted_leaves_the_file_too(tmp_path):
    async def work(store):
        for number in range(10):
            await store.create(f"g{number}", f"key{number}", "digest")
            for place in range(1, 8):
                await store.append(f"g{number}", "message", "x", place)
            await store.append(f"g{number}", "done", "{}")

    run(sqlite_store(tmp_path / "log", capacity=3, most=2), work)
    with sqlite3.connect(tmp_path / "log") as file:
        assert file.execute("SELECT id FROM generation").fetchall() == [("g8",), ("g9",)]
        assert file.execute("SELECT count(*), min(number), max(number) FROM event").fetchone() == (6, 6, 8)
    file.close()


def test_a_file_with_fewer_places_than_before_is_cut_down_to_them(tmp_path):
    async def fill(store):
        for number in range(5):
            await store.create(f"g{number}", f"key{number}", "digest")
            await store.append(f"g{number}", "done", "{}")

    async def one_more(store):
        await store.create("new", "new key", "digest")
        for number in range(4):
            with pytest.raises(Evicted):
                await store.read(f"g{number}", 0)
        assert (await store.read("g4", 0)).ended

    run(sqlite_store(tmp_path / "log"), fill)
    run(sqlite_store(tmp_path / "log", most=2), one_more)


def test_a_file_serves_one_server_at_a_time(tmp_path):
    async def work(store):
        with pytest.raises(ServerError, match="one server can use it at a time"):
            await sqlite_store(tmp_path / "log").open()

    run(sqlite_store(tmp_path / "log"), work)
    run(sqlite_store(tmp_path / "log"), lambda store: store.create("g", "key", "digest"))


def test_a_file_that_is_something_else_is_left_alone(tmp_path):
    (tmp_path / "text").write_text("this is no database at all" * 50)
    with sqlite3.connect(tmp_path / "other") as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()
    for name in ("text", "other", "no/such/folder"):
        with pytest.raises(ServerError, match="cannot keep generations in"):
            asyncio.run(sqlite_store(tmp_path / name).open())
    assert (tmp_path / "text").read_text().startswith("this is no database")


def test_a_file_that_cannot_be_written_any_more_ends_the_generation_for_its_readers(tmp_path):
    async def work(store):
        await store.create("g", "key", "digest")
        await store.append("g", "message", "a", 1)
        await store._in_thread(lambda: store._file.execute("PRAGMA query_only = ON"))
        reader = asyncio.create_task(store.read("g", 1, wait=True))
        with pytest.raises(StoreAway):
            await store.append("g", "message", "b", 2)
        with pytest.raises(StoreAway):
            await store.create("h", "key of h", "digest")
        page = await reader
        assert (page.ended, page.entries[-1].kind) == (True, "error")
        with pytest.raises(Evicted):
            await store.read("h", 0)
        return page

    async def after(store):
        return await store.read("g", 1)

    assert run(sqlite_store(tmp_path / "log"), work) == run(sqlite_store(tmp_path / "log"), after)


# Redis.


def test_two_servers_share_one_redis(redis_server):
    async def work(store):
        other = RedisStore(redis_server.url, 100, 100, 30)
        assert await other.open() == await store.open()
        try:
            await store.create("g", "key", "digest")
            reader = asyncio.create_task(other.read("g", 0, wait=True))
            await asyncio.sleep(0.01)
            await store.append("g", "message", "a", 1)
            assert (await reader).entries == [(1, "message", "a")]
            assert await store.renew(["g"]) == []
            assert await other.append("g", "cancelled", "{}")
            assert await store.renew(["g"]) == ["g"]
            assert not await store.append("g", "message", "b", 2)
        finally:
            await other.close()

    run(RedisStore(redis_server.url, 100, 100, 30), work)


def test_a_generation_that_nobody_renews_ends_as_interrupted(redis_server):
    async def work(store):
        await store.create("dead", "key of dead", "digest")
        await store.append("dead", "message", "a", 1)
        page = await store.read("dead", 1, wait=True)
        assert (page.ended, json.loads(page.entries[0].text)["error"]["code"]) == (True, "interrupted")
        assert await store.renew(["dead"]) == ["dead"]

    run(RedisStore(redis_server.url, 100, 100, 0.2), work)


def test_a_generation_that_is_renewed_does_not_end_however_long_it_says_nothing(redis_server):
    async def work(store):
        await store.create("slow", "key of slow", "digest")
        reader = asyncio.create_task(store.read("slow", 0, wait=True))
        with redis_server.client() as client:
            waits = client.info("commandstats").get("cmdstat_xread", {"calls": 0})["calls"]
            while client.info("commandstats").get("cmdstat_xread", {"calls": 0})["calls"] < waits + 3:
                assert await store.renew(["slow"]) == []
                await asyncio.sleep(0.05)
        await store.append("slow", "message", "at last", 1)
        assert (await reader).entries == [(1, "message", "at last")]

    run(RedisStore(redis_server.url, 100, 100, 2.0), work)


def test_everything_in_redis_has_an_end_except_the_secret(redis_server):
    async def work(store):
        await store.create("g", "key", "digest")
        await store.append("g", "message", "a", 1)
        with redis_server.client() as client:
            ends = {name: client.pttl(name) for name in client.keys("course:resume:*")}
        assert ends.pop("course:resume:secret") == -1
        assert {name: 0 < end <= 100_000 for name, end in ends.items()} == {
            "course:resume:log:g": True,
            "course:resume:lease:g": True,
            "course:resume:key:key": True,
        }

    run(RedisStore(redis_server.url, 100, 100, 30), work)


def test_more_readers_than_connections_only_wait(redis_server):
    async def work(store):
        await store.create("g", "key", "digest")

        async def reader():
            seen = 0
            while not (page := await store.read("g", seen, wait=True)).ended:
                seen += len(page.entries)
            return seen + len(page.entries)

        readers = [asyncio.create_task(reader()) for _ in range(150)]
        with redis_server.client() as client:
            while client.info("clients")["blocked_clients"] < 150:  # noqa: ASYNC110 - Redis has no event for it
                await asyncio.sleep(0.01)
        for number in range(1, 31):
            await store.append("g", "message", "x", number)
        await store.append("g", "done", "{}")
        assert await asyncio.gather(*readers) == [31] * 150

    run(RedisStore(redis_server.url, 100, 100, 30), work)


@asynccontextmanager
async def losing_answers(path, lost):
    """The path of a socket in front of Redis that closes instead of giving the answers to the next lost[0] commands
    that write.
    """

    async def serve(reader, writer):
        from_redis, to_redis = await asyncio.open_unix_connection(path)
        losing = False

        async def answers():
            while data := await from_redis.read(65536):
                if losing:
                    break
                writer.write(data)
            writer.close()

        answering = asyncio.create_task(answers())
        while data := await reader.read(65536):
            if lost[0] and (b"XADD" in data or b"EVALSHA" in data):
                lost[0] -= 1
                losing = True
            to_redis.write(data)
        to_redis.close()
        await answering

    server = await asyncio.start_unix_server(serve, f"{path}-losing")
    try:
        yield f"{path}-losing"
    finally:
        server.close()


def test_an_answer_of_redis_that_is_lost_adds_an_entry_twice_to_a_plain_stream_but_not_to_a_log(redis_server):
    async def work():
        lost = [0]
        async with losing_answers(redis_server.path, lost) as path:
            async with Redis(unix_socket_path=path) as plain:
                await plain.ping()
                lost[0] = 1
                await plain.xadd("plain", {"text": "a"})
                assert await plain.xlen("plain") == 2
            store = RedisStore(f"unix://{path}", 100, 100, 30)
            await store.open()
            await store.create("g", "key", "digest")
            for number in range(1, 10):
                lost[0] = number % 3
                assert await store.append("g", "message", str(number), number)
            page = await store.read("g", 0)
            await store.close()
            return [entry.text for entry in page.entries]

    assert asyncio.run(work()) == list("123456789")


def test_a_redis_that_is_away_is_a_clear_error_without_its_password(tmp_path):
    with pytest.raises(ServerError) as error:
        asyncio.run(RedisStore("redis://user:hunter2@127.0.0.1:1/0", 100, 100, 30).open())
    assert "redis://127.0.0.1:1/0 does not answer" in str(error.value)
    assert "hunter2" not in str(error.value) + str(error.value.__cause__)

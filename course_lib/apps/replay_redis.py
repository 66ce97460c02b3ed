"""Generations in Redis: several servers share them, and readers follow one that is made on another server.

    serve(resume.create_app(store="redis://127.0.0.1:6379/0"))  # as often as you like

A generation is a Redis stream; the place of an event is the first half of its entry id. Three keys of each:
`course:resume:log:ID` the stream, `...:lease:ID` while its server is heard of, `...:key:DIGEST` its idempotency key.

Rule: whatever looks first and then writes is one script, so that two servers cannot both do it. An append says its
place: redis-py repeats a command whose answer was lost, and a plain XADD would then add it twice. A generation whose
lease ran out is ended, as an error, by the first reader who waits for more. Time bounds the keys.
Left out: Redis Cluster (keys of one script lie on several nodes), replicas. After Redis was emptied, servers that go on
and those that start do not know each other's ids: start all of them again.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from course_lib.apps.replay import INTERRUPTED, PAGE, TOKEN, CannotReplay, Entry, Evicted, KeyReused, Page, StoreAway
from course_lib.errors import MisuseError, ServerError

PREFIX = "course:resume:"
DEADLINE = 2.0  # seconds for one answer of Redis, beside those that it was told to wait
MAX_WORKING = 50  # connections for commands
MAX_WAITING = 1_000  # connections of readers that wait for news, one each
BEGIN = "begin"  # the kind of the entry before the first: the stream exists from the start

CREATE = """
local known = redis.call('GET', KEYS[3])
if known then return known end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
redis.call('XADD', KEYS[1], '0-1', 'kind', 'begin', 'text', '')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
return ARGV[1]
"""
LAST = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last or (last[2][2] ~= 'message' and last[2][2] ~= 'begin') then return 0 end
"""
APPEND = (
    LAST
    + """
local number = tonumber(string.match(last[1], '^%d+')) + 1
if ARGV[3] ~= '' and tonumber(ARGV[3]) < number then return 1 end
if ARGV[6] == 'dead' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[4], number .. '-0', 'kind', ARGV[1], 'text', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
)
RENEW = (
    LAST
    + """
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1
"""
)


class RedisStore:
    """A `Store`."""

    def __init__(self, url: str, capacity: int, keep: float, lease: float) -> None:
        self.lease: float | None = lease
        self._capacity = capacity
        self._keep = round(max(keep, lease) * 1000)  # a generation at work is always kept
        self._lease = round(lease * 1000)
        self._block = min(1.0, lease / 2)
        self._name = _without_credentials(url)
        pool = ConnectionPool.from_url(
            url,
            max_connections=MAX_WORKING + MAX_WAITING,
            decode_responses=True,
            socket_connect_timeout=DEADLINE,
            socket_timeout=DEADLINE + self._block,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        )
        self._redis = Redis.from_pool(pool)
        self._working, self._waiting = asyncio.Semaphore(MAX_WORKING), asyncio.Semaphore(MAX_WAITING)
        self._create, self._append, self._renew = map(self._redis.register_script, (CREATE, APPEND, RENEW))

    async def open(self) -> bytes:
        try:
            async with self._turn():
                await self._redis.set(f"{PREFIX}secret", secrets.token_hex(32), nx=True)
                return bytes.fromhex(str(await self._redis.get(f"{PREFIX}secret")))
        except StoreAway as error:
            await self.close()
            raise ServerError(f"{error}. Start Redis, or give another store") from error

    async def close(self) -> None:
        await self._redis.aclose()

    async def create(self, id: str, key: str, digest: str) -> str:
        keys = [*self._keys(id), f"{PREFIX}key:{key}"]
        async with self._turn():
            found = str(await self._create(keys, [f"{digest} {id}", self._keep, self._lease]))
        known, _, holder = found.partition(" ")
        if known != digest:
            raise KeyReused("this key was used for another request")
        return holder

    async def append(self, id: str, kind: str, text: str, number: int | None = None, only_if: str = "") -> bool:
        values = [kind, text, "" if number is None else number, self._capacity, self._keep, only_if]
        async with self._turn():
            return bool(await self._append(self._keys(id), values))

    async def read(self, id: str, position: int, wait: bool = False) -> Page:
        stream = self._keys(id)[0]
        while True:
            async with self._turn():
                rows = await self._redis.xrange(stream, min=str(position), count=PAGE + 1)
                if not rows and not await self._redis.exists(stream):
                    raise Evicted("this generation is no longer kept")
            page = _page(rows, position)
            if page.entries or page.ended or not wait:
                return page
            async with self._turn(self._waiting):
                news = await self._redis.xread({stream: f"{position}-1"}, count=1, block=round(self._block * 1000))
            if not news:
                await self.append(id, "error", INTERRUPTED, only_if="dead")

    async def renew(self, ids: Iterable[str]) -> list[str]:
        async with self._turn():
            return [id for id in ids if not await self._renew(self._keys(id), [self._keep, self._lease])]

    def _keys(self, id: str) -> list[str]:
        return [f"{PREFIX}log:{id}", f"{PREFIX}lease:{id}"]

    @asynccontextmanager
    async def _turn(self, turns: asyncio.Semaphore | None = None) -> AsyncGenerator[None]:
        """Use a connection when one is free: first come, first served, which redis-py's own blocking pool is not."""
        try:
            async with turns or self._working:
                yield
        except (RedisError, OSError) as error:
            raise StoreAway(f"{self._name} does not answer as it should: {type(error).__name__}") from error


def check_url(url: str) -> None:
    """MisuseError when this is no URL of Redis."""
    try:
        parse_url(url)
    except ValueError as error:
        raise MisuseError(f"{_without_credentials(url)!r} is no URL of Redis: {error}") from None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _page(rows: Any, position: int) -> Page:
    """The entries behind a position, of rows that begin at it or, if it is no longer kept, right behind it."""
    entries = [Entry(int(place.partition("-")[0]), fields["kind"], fields["text"]) for place, fields in rows]
    if not entries or entries[0].number > position + 1:
        raise CannotReplay("the event after this one is no longer kept, or there was never such an event")
    return Page([entry for entry in entries if entry.number > position], entries[-1].kind not in (TOKEN, BEGIN))

"""The memory of `resume`: what generations have said, event by event, so that a reader can go on after any of them.

    log = ReplayLog(capacity=3)
    log.append("message", "Hi", now=0.0), log.append("done", "{}", now=1.0)
    [entry.text for entry in log.after(1)]  # ["{}"]

Rule: the end of a generation is an entry like any other, so it can be replayed, too (cloudflare/agents pull 1607 lost
it). A place that was never given out, or whose successor is gone, is an error, never "from the beginning"
(modelcontextprotocol issue 1939). ReplayLog and Generations have no clock, task or loop: time is passed in. The stores
share one interface, `Store`; MemoryStore is the simplest, SQLite adds a file to it, Redis other servers.
Left out: HTTP, and who may read what (`resume`).
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

PAGE = 256  # entries that a reader is given at once
TOKEN = "message"  # noqa: S105 - the kind of an entry that is a token; every other kind is an end

INTERRUPTED = json.dumps(  # the last event of a generation whose server is no more
    {"error": {"message": "The server of this generation has ended.", "type": "server_error", "code": "interrupted"}}
)


class Evicted(LookupError):
    """The generation is no longer kept."""


class CannotReplay(LookupError):
    """No event has this id, or the one after it is no longer kept."""


class KeyReused(ValueError):
    """The same idempotency key came with another request."""


class Full(RuntimeError):
    """There is no room for another generation: all of them are still at work."""


class StoreAway(RuntimeError):
    """The store cannot be reached, or cannot write."""


class Entry(NamedTuple):
    """One event: its place, counted from 1 without gaps; "message", "done", "error" or "cancelled"; its data."""

    number: int
    kind: str
    text: str


class Page(NamedTuple):
    """What a reader is given: the entries after its position, and whether nothing will come after them."""

    entries: list[Entry]
    ended: bool


def event_id(generation: str, number: int) -> str:
    """The id of an event: no two events of any generations share one."""
    return f"{generation}.{number}"


def position_of(generation: str, last_event_id: str) -> int:
    """The place to go on after: 0 for an empty id. CannotReplay for one that `event_id` does not write."""
    if not last_event_id:
        return 0
    whose, _, number = last_event_id.rpartition(".")
    if whose != generation or not re.fullmatch(r"[1-9][0-9]{0,15}", number, re.ASCII):
        raise CannotReplay("this is no event of this generation")
    return int(number)


class ReplayLog:
    """The last `capacity` entries of one generation. `last`: the place of the newest. `ended_at`: when it ended."""

    def __init__(self, capacity: int) -> None:
        self.last = 0
        self.ended_at: float | None = None
        self.capacity = capacity
        self._entries: dict[int, Entry] = {}

    def append(self, kind: str, text: str, now: float, number: int | None = None) -> bool:
        """Add an entry; False when the generation had ended. number: its place; what comes twice is added once."""
        if self.takes(number):
            self.last += 1
            self._entries[self.last] = Entry(self.last, kind, text)
            self._entries.pop(self.last - self.capacity, None)
            self.ended_at = None if kind == TOKEN else now
            return True
        return self.ended_at is None

    def takes(self, number: int | None = None) -> bool:
        """Whether `append` with this number would add something."""
        return self.ended_at is None and (number is None or number > self.last)

    def after(self, position: int) -> list[Entry]:
        """The entries behind a position, as many as make a page. CannotReplay."""
        if not self.last - len(self._entries) <= position <= self.last:
            raise CannotReplay("the event after this one is no longer kept, or there was never such an event")
        return [self._entries[number] for number in range(position + 1, min(self.last, position + PAGE) + 1)]

    def page(self, position: int) -> Page:
        entries = self.after(position)
        return Page(entries, self.ended_at is not None and position + len(entries) == self.last)


class Generations:
    """Logs by id and by idempotency key: at most `most`, each at most `keep` seconds after its end.

    When one more needs room, one that has ended goes: the one that was not used for longest.
    """

    def __init__(self, capacity: int, most: int, keep: float) -> None:
        self.capacity = capacity
        self._most = most
        self.keep = keep
        self._held: dict[str, tuple[ReplayLog, str, str]] = {}  # by id, the latest used last: log, key, digest
        self._ids: dict[str, str] = {}  # by key

    def get(self, id: str, now: float) -> ReplayLog:
        """Evicted."""
        held = self._held.get(id)
        if held is None or self._is_old(held[0], now):
            raise Evicted("this generation is no longer kept")
        self._held[id] = self._held.pop(id)
        return held[0]

    def find(self, key: str, digest: str, now: float) -> str | None:
        """The id of the generation that this key has started, or None. KeyReused."""
        id = self._ids.get(key)
        if id is None or self._is_old(self._held[id][0], now):
            return None
        if self._held[id][2] != digest:
            raise KeyReused("this key was used for another request")
        return id

    def surplus(self, now: float) -> list[str]:
        """The ids that must go for one more to come. Full."""
        logs = [(id, held[0]) for id, held in self._held.items()]
        old = [id for id, log in logs if self._is_old(log, now)]
        idle = [id for id, log in logs if log.ended_at is not None and not self._is_old(log, now)]
        too_many = max(0, len(logs) - len(old) + 1 - self._most)
        if too_many > len(idle):
            raise Full(f"{self._most} generations are at work already")
        return old + idle[:too_many]

    def add(self, id: str, key: str, digest: str) -> ReplayLog:
        log = ReplayLog(self.capacity)
        self._held[id], self._ids[key] = (log, key, digest), id
        return log

    def drop(self, id: str) -> None:
        _, key, _ = self._held.pop(id)
        if self._ids.get(key) == id:
            del self._ids[key]

    def _is_old(self, log: ReplayLog, now: float) -> bool:
        return log.ended_at is not None and now - log.ended_at > self.keep


class Store(Protocol):
    """Where generations are kept. Every method may raise StoreAway."""

    lease: float | None  # seconds within which `renew` must be called again; None: it need not be

    async def open(self) -> bytes:
        """Make ready; the secret that ids are signed with, the same for as long as ids are known. ServerError."""

    async def close(self) -> None: ...

    async def create(self, id: str, key: str, digest: str) -> str:
        """Keep a new generation and return `id`, or the id of the one that this key has started. KeyReused, Full."""

    async def append(self, id: str, kind: str, text: str, number: int | None = None) -> bool:
        """Like ReplayLog.append; also False when the generation is gone. When it returns, the entry is safe."""

    async def read(self, id: str, position: int, wait: bool = False) -> Page:
        """What comes after `position`. wait: not before there is something, or the end. Evicted, CannotReplay."""

    async def renew(self, ids: Iterable[str]) -> list[str]:
        """Say that these generations are still at work here; the ids of those that somebody else has ended."""


class MemoryStore:
    """The store of one server, gone with it. `clock` gives seconds."""

    lease: float | None = None

    def __init__(self, generations: Generations, clock: Callable[[], float] = time.time) -> None:
        self.generations = generations
        self.clock = clock
        self._news: dict[str, asyncio.Event] = {}  # by id, while somebody waits

    async def open(self) -> bytes:
        return secrets.token_bytes(32)

    async def close(self) -> None:
        pass

    async def create(self, id: str, key: str, digest: str) -> str:
        now = self.clock()
        known = self.generations.find(key, digest, now)
        if known is not None:
            return known
        gone = self.generations.surplus(now)
        await self._save_new(id, key, digest, gone)
        for old in gone:
            self.generations.drop(old)
            self._wake(old)
        self.generations.add(id, key, digest)
        return id

    async def append(self, id: str, kind: str, text: str, number: int | None = None) -> bool:
        now = self.clock()
        try:
            added = self.generations.get(id, now).append(kind, text, now, number)
        except Evicted:
            return False
        self._wake(id)
        return added

    async def read(self, id: str, position: int, wait: bool = False) -> Page:
        while True:  # from the look into the log to the wait there is no `await`: nothing is missed between the two
            page = self.generations.get(id, self.clock()).page(position)
            if page.entries or page.ended or not wait:
                return page
            await self._wait(id)

    async def renew(self, ids: Iterable[str]) -> list[str]:
        return []

    async def _save_new(self, id: str, key: str, digest: str, gone: list[str]) -> None:
        """For a store that has more than memory."""

    async def _wait(self, id: str) -> None:
        await self._news.setdefault(id, asyncio.Event()).wait()

    def _wake(self, id: str) -> None:
        news = self._news.pop(id, None)
        if news is not None:
            news.set()

"""Generations in an SQLite file: they survive the end of their server, expected or not.

    serve(resume.create_app(store="generations.db"))

Rule: what a reader has seen is in the file: an event is committed before it is shown. Readers are served from memory,
the file is read once, at the start. A generation that was cut off by the end of its server then gets its last event,
an error: it never looks complete. One thread does all the work on the file, so no event loop waits for a disk.
Left out: two servers on one file, refused at the start (SQLite locks it; Redis is for that). Power cuts: a commit does
not wait for the disk (`synchronous=NORMAL`), so one may lose the last events; an id of those is then refused.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from course_lib.apps.replay import INTERRUPTED, Evicted, Generations, MemoryStore, StoreAway
from course_lib.errors import ServerError

T = TypeVar("T")
Statement = tuple[str, tuple[object, ...]]
VERSION = 1  # of the tables
SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS secret (value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS generation (id TEXT PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    generation TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (generation, number)) WITHOUT ROWID;
"""
ADD_GENERATION = "INSERT INTO generation VALUES (?, ?, ?)"
ADD_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?)"
EVENTS_OF = "SELECT number, kind, text, at FROM event WHERE generation = ? ORDER BY number"
FORGET = "DELETE FROM event WHERE generation = ? AND number <= ?"


class SqliteStore(MemoryStore):
    """The memory of one server, and a file that always holds the same. ServerError when the file cannot be used."""

    def __init__(self, path: str, generations: Generations, clock: Callable[[], float] = time.time) -> None:
        super().__init__(generations, clock)
        self.path = path
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="course-sqlite")
        self._file: sqlite3.Connection | None = None

    async def open(self) -> bytes:
        try:
            return await self._in_thread(self._load)
        except BaseException as error:
            await self.close()
            if isinstance(error, sqlite3.Error):
                raise ServerError(
                    f"cannot keep generations in {self.path!r}: {error}. Name a file of this app, or a new one in a "
                    "folder that exists; one server can use it at a time"
                ) from error
            raise

    async def close(self) -> None:
        async with self._lock:
            try:
                await self._in_thread(self._close)
            except BaseException:  # cancelled: the thread ends after its work
                self._thread.shutdown(wait=False)
                raise
            self._thread.shutdown()

    async def create(self, id: str, key: str, digest: str) -> str:
        return await self._alone(super().create(id, key, digest))

    async def append(self, id: str, kind: str, text: str, number: int | None = None) -> bool:
        return await self._alone(self._append(id, kind, text, number))

    async def _append(self, id: str, kind: str, text: str, number: int | None) -> bool:
        now = self.clock()
        try:
            log = self.generations.get(id, now)
        except Evicted:
            return False
        if log.takes(number):
            place = log.last + 1
            try:
                await self._write(
                    (ADD_EVENT, (id, place, kind, text, now)), (FORGET, (id, place - self.generations.capacity))
                )
            except StoreAway:
                await super().append(id, "error", INTERRUPTED)  # what the next start will find, too
                raise
        return await super().append(id, kind, text, number)

    async def _save_new(self, id: str, key: str, digest: str, gone: list[str]) -> None:
        statements: list[Statement] = [(ADD_GENERATION, (id, key, digest))]
        for old in gone:
            statements += [(FORGET, (old, 2**62)), ("DELETE FROM generation WHERE id = ?", (old,))]
        await self._write(*statements)

    async def _alone(self, work: Coroutine[Any, Any, T]) -> T:
        """One change after the other, each to its end even when its caller is cancelled: file and memory agree."""

        async def locked() -> T:
            async with self._lock:
                return await work

        return await asyncio.shield(locked())

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def _write(self, *statements: Statement) -> None:
        try:
            await self._in_thread(self._commit, statements)
        except (sqlite3.Error, RuntimeError) as error:  # a full disk; the store is closed
            raise StoreAway(f"cannot write to {self.path!r}: {error}") from error

    # What follows runs in the thread.

    def _load(self) -> bytes:
        file = self._file = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
        (version,), (tables,) = (
            file.execute(f"SELECT {what}").fetchone()
            for what in ("user_version FROM pragma_user_version", "count(*) FROM sqlite_schema")
        )
        if version != (VERSION if tables else 0):
            raise sqlite3.DatabaseError("it belongs to another program, or to another version of this one")
        file.executescript(SCHEMA)
        if not version:
            file.execute(f"PRAGMA user_version = {VERSION}")
            file.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
        for id, key, digest in file.execute("SELECT * FROM generation ORDER BY rowid").fetchall():
            log = self.generations.add(id, key, digest)
            for number, kind, text, at in file.execute(EVENTS_OF, (id,)):
                log.last = number - 1  # the first that is kept may be any
                log.append(kind, text, at)
            if log.ended_at is None:
                now = self.clock()
                log.append("error", INTERRUPTED, now)
                file.execute(ADD_EVENT, (id, log.last, "error", INTERRUPTED, now))
        secret: bytes = file.execute("SELECT value FROM secret").fetchone()[0]
        file.execute("COMMIT")
        return secret

    def _commit(self, statements: tuple[Statement, ...]) -> None:
        assert self._file is not None
        with self._file:
            self._file.execute("BEGIN")
            for sql, values in statements:
                self._file.execute(sql, values)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

"""The gradebook: batches of graded submissions in one SQLite file, to resume, look at and export later.

Rule: every entry is a transaction of its own, so that a killed process loses at most the one being written. Each call
opens its own connection (threads, forks and other processes may write at once). A damaged file is moved aside, never
deleted. Left out: grading and what a digest covers (batch), formats.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from course_lib.errors import MisuseError
from course_lib.grading.formats import Entry
from course_lib.grading.submissions import Submission

_VERSION = 1
_WAIT = 30.0  # seconds to wait for another process's transaction
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Everything from outside is kept as JSON: SQLite has no place for the lone surrogates of odd file names.
_SCHEMA = """
CREATE TABLE batches (id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, arguments TEXT NOT NULL);
CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, batch INTEGER NOT NULL REFERENCES batches,
    submission TEXT NOT NULL, digest TEXT NOT NULL, entry TEXT NOT NULL, UNIQUE (batch, submission, digest));
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """One call of `course grade`. Times are ISO 8601 in UTC; `finished` is None when it was interrupted or runs."""

    id: int
    started: str
    finished: str | None
    arguments: dict[str, Any]
    entries: int


class Gradebook:
    """The gradebook in the file `path`, made when it is not there.

    Every method raises MisuseError when the file can't be used: no place, no permission, or a newer version's.
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._now = now
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            if damage := self._open():
                self._move_aside(damage)
                self._open()

    def begin(self, arguments: dict[str, Any]) -> int:
        """Start a batch; returns its id. `arguments` (JSON data) is what a batch must share to be resumed."""
        with self._transaction() as db:
            values = (self._time(), _same(arguments))
            return int(db.execute("INSERT INTO batches (started, arguments) VALUES (?, ?)", values).lastrowid or 0)

    def add(self, batch: int, entry: Entry, digest: str) -> None:
        """Keep an entry, at once and for good. One with the same submission and digest in this batch is replaced.

        `digest` stands for all that decides the grade; submissions with the same content may share it.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO entries (batch, submission, digest, entry) VALUES (?, ?, ?, ?)",
                (batch, json.dumps(entry["submission"]), digest, json.dumps(entry)),
            )

    def finish(self, batch: int) -> None:
        """Everything of this batch was graded: nothing is left to resume."""
        with self._transaction() as db:
            db.execute("UPDATE batches SET finished = ? WHERE id = ?", (self._time(), batch))

    def interrupted(self, arguments: dict[str, Any]) -> tuple[int, dict[str, Entry]] | None:
        """The newest batch with these arguments, if it is unfinished: its id and what was graded, by digest.

        Of several submissions that share a digest there is one entry: its grade is theirs, its name may not be.
        """
        with self._transaction() as db:
            newest = db.execute(
                "SELECT id, finished FROM batches WHERE arguments = ? ORDER BY id DESC LIMIT 1", (_same(arguments),)
            ).fetchone()
            if newest is None or newest[1] is not None:
                return None
            rows = db.execute("SELECT digest, entry FROM entries WHERE batch = ? ORDER BY id", newest[:1])
            return newest[0], {digest: json.loads(entry) for digest, entry in rows}

    def batches(self) -> list[Batch]:
        """All batches, the oldest first."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT id, started, finished, arguments, (SELECT count(*) FROM entries WHERE batch = batches.id) "
                "FROM batches ORDER BY id"
            )
            return [Batch(id, started, end, json.loads(text), number) for id, started, end, text, number in rows]

    def entries(self, batch: int | None = None) -> list[Entry]:
        """The entries of one batch, or (None) of all: the latest result of every exercise of every submission.

        Sorted by submission, since a batch adds them as they come. Raises MisuseError when there is no such batch.
        """
        with self._transaction() as db:
            if batch is None:
                rows = db.execute("SELECT entry FROM entries ORDER BY id").fetchall()
            else:
                if not db.execute("SELECT 1 FROM batches WHERE id = ?", (batch,)).fetchone():
                    raise MisuseError(f"{self.path.name} has no batch {batch}: `course gradebook` lists those it has")
                rows = db.execute("SELECT entry FROM entries WHERE batch = ? ORDER BY digest", (batch,)).fetchall()
        entries = [json.loads(text) for (text,) in rows]
        return sorted(entries if batch is not None else _merged(entries), key=lambda entry: str(entry["submission"]))

    # -- the file

    def _open(self) -> str:
        """Make the tables of a new file. Returns what is damaged, before a batch depends on it, or ""."""
        try:
            with self._connection() as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > _VERSION:
                    raise MisuseError(
                        f"{self.path.name} was written by a newer version of this course (gradebook version {version}, "
                        f"this one knows {_VERSION}): update the course, or name another file"
                    )
                if version == 0:
                    db.execute("BEGIN IMMEDIATE")  # another process may be doing the same
                    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                        if db.execute("SELECT 1 FROM sqlite_master").fetchone():
                            raise MisuseError(f"{self.path.name} is another program's database: name another file")
                        for statement in (*_SCHEMA.split(";"), f"PRAGMA user_version = {_VERSION}"):
                            db.execute(statement)
                found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
                return "" if found == "ok" else found
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
                raise
            return str(error)

    def _move_aside(self, damage: str) -> None:
        names = (self.path.with_name(f"{self.path.name}.damaged-{n}") for n in count(1))
        aside = next(name for name in names if not name.exists())
        os.replace(self.path, aside)
        sentence = f"the gradebook was damaged ({damage}); it was kept as {aside.name}, and a new one was started"
        print(f"course: {sentence}", file=sys.stderr)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits at the end, or takes back what was done when there is an error."""
        with closing(sqlite3.connect(self.path, timeout=_WAIT)) as db, db:
            db.execute("PRAGMA foreign_keys = ON")
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._connection() as db:
            yield db

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MisuseError(
                f"the gradebook {self.path} can't be used ({error}): "
                "try again, or name another file where you may write"
            ) from error

    def _time(self) -> str:
        return self._now().isoformat(timespec="seconds")


def is_gradebook(path: Path) -> bool:
    """Whether a file may be one: it is empty, begins as one does, or cannot be read (Gradebook says why)."""
    try:
        with path.open("rb") as file:
            return file.read(16) in (b"", b"SQLite format 3\0")
    except OSError:
        return True


def key(submission: Submission) -> str:
    """What a batch knows a submission by: its name and what decides its grade."""
    return f"{submission.name}\n{submission.digest}"


def resume(
    book: Gradebook, arguments: dict[str, Any], submissions: Iterable[Submission], fresh: bool
) -> tuple[int, dict[str, Entry], list[Submission]]:
    """The batch to write to, what an interrupted one had graded (by name), and what is left to do.

    A submission that has changed since is graded again. `fresh` always begins a new batch.
    """
    number, done = (None if fresh else book.interrupted(arguments)) or (book.begin(arguments), {})
    graded = {s.name: done[key(s)] for s in submissions if key(s) in done}
    return number, graded, [s for s in submissions if s.name not in graded]


def _same(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True)


def _merged(entries: list[Entry]) -> list[Entry]:
    """One entry per submission: the newest, with the newest result of each exercise that any of them has."""
    merged: dict[str, Entry] = {}
    results: dict[str, dict[str, tuple[str, Any]]] = {}  # submission -> exercise -> (isolation, result)
    for entry in entries:
        mine = results.setdefault(entry["submission"], {})
        mine |= {exercise["id"]: (entry["isolation"], exercise) for exercise in entry["exercises"]}
        merged[entry["submission"]] = entry
    for submission, entry in merged.items():
        mine = results[submission]
        entry["exercises"] = [exercise for _, exercise in mine.values()]
        if mine:  # results may come from batches with different isolation: name all that was in force
            entry["isolation"] = ", ".join(sorted({isolation for isolation, _ in mine.values()} - {""}))
    return list(merged.values())

"""What a learner did, kept in one SQLite file so that it survives killed kernels and several kernels at once.

Rule: every call opens its own connection and is one transaction (callbacks may come on another thread). A damaged
file is moved aside, never deleted; where nothing can be written the course goes on in memory and says so.
Left out: what the records mean for the learner (summary), and when to record (ask, show, check).
"""

import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Course
from course_lib.grading.report import CORRECT, NOT_ATTEMPTED
from course_lib.notebook.paths import progress_file

ANSWERED, SKIPPED, UNATTENDED = "answered", "skipped", "unattended"
_WAIT = 10.0  # seconds to wait for another kernel's transaction
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, choice INTEGER, how TEXT NOT NULL,
    at TEXT NOT NULL, revealed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS explanations (id TEXT PRIMARY KEY, sentence TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (place TEXT NOT NULL, id TEXT NOT NULL, choice INTEGER NOT NULL,
    right INTEGER NOT NULL, right_at_first INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 1, at TEXT NOT NULL,
    PRIMARY KEY (place, id));
CREATE TABLE IF NOT EXISTS checks (exercise TEXT PRIMARY KEY, outcome TEXT NOT NULL, points INTEGER NOT NULL,
    max_points INTEGER NOT NULL, best_points INTEGER NOT NULL, attempts INTEGER NOT NULL,
    first_success TEXT, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS help (exercise TEXT PRIMARY KEY, hints INTEGER NOT NULL DEFAULT 0, solution_seen TEXT,
    at TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Prediction:
    choice: int | None
    how: str  # "answered", "skipped" by the learner, "unattended" when nobody was there
    revealed: bool  # compare() has shown the truth; the answer stands


@dataclass(frozen=True, slots=True)
class Answer:
    choice: int
    right: bool
    right_at_first: bool
    tries: int


@dataclass(frozen=True, slots=True)
class Checked:
    outcome: str  # of the last check: "not attempted", "not yet", "correct"
    points: int  # of the last check
    max_points: int
    best_points: int
    attempts: int  # checks of code that attempted something
    first_success: str | None  # ISO time, UTC


@dataclass(frozen=True, slots=True)
class Help:
    hints: int = 0
    solution_seen: str | None = None  # ISO time, UTC


class Store:
    """The records of one course folder. All times are ISO 8601 in UTC."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._now = now
        self._memory: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    # -- predictions and explanations

    def prediction(self, id: str) -> Prediction | None:
        return self.predictions().get(id)

    def predictions(self) -> dict[str, Prediction]:
        rows = self._all("SELECT id, choice, how, revealed FROM predictions")
        return {id: Prediction(choice, how, bool(revealed)) for id, choice, how, revealed in rows}

    def predict(self, id: str, choice: int | None, how: str) -> bool:
        """Store a prediction; False when the one that is there stands (revealed; or `how` is "unattended")."""
        return self._write(
            "INSERT INTO predictions (id, choice, how, at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "choice = excluded.choice, how = excluded.how, at = excluded.at "
            "WHERE predictions.revealed = 0 AND excluded.how != 'unattended'",
            (id, choice, how, self._time()),
        )

    def reveal(self, id: str) -> None:
        """From now on the prediction `id` can't be changed."""
        self._write("UPDATE predictions SET revealed = 1 WHERE id = ?", (id,))

    def explain(self, id: str, sentence: str) -> None:
        self._write("INSERT OR REPLACE INTO explanations VALUES (?, ?, ?)", (id, sentence, self._time()))

    def explanation(self, id: str) -> str:
        rows = self._all("SELECT sentence FROM explanations WHERE id = ?", (id,))
        return str(rows[0][0]) if rows else ""

    # -- quiz answers; `place` is where it was asked: "quiz:03", "recall:05"

    def answer(self, place: str, id: str, choice: int, right: bool) -> None:
        self._write(
            "INSERT INTO answers (place, id, choice, right, right_at_first, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT "
            "(place, id) DO UPDATE SET choice = excluded.choice, right = excluded.right, tries = tries + 1, "
            "at = excluded.at",
            (place, id, choice, right, right, self._time()),
        )

    def answers(self, place: str) -> dict[str, Answer]:
        rows = self._all("SELECT id, choice, right, right_at_first, tries FROM answers WHERE place = ?", (place,))
        return {id: Answer(choice, bool(right), bool(first), tries) for id, choice, right, first, tries in rows}

    # -- exercises

    def record_check(self, exercise: str, outcome: str, points: int, max_points: int) -> None:
        """Store a verdict. `outcome` is "not attempted", "not yet" or "correct"; only attempts are counted."""
        now, tried = self._time(), int(outcome != NOT_ATTEMPTED)
        self._write(
            "INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (exercise) DO UPDATE SET "
            "outcome = excluded.outcome, points = excluded.points, max_points = excluded.max_points, "
            "best_points = max(best_points, excluded.best_points), attempts = attempts + excluded.attempts, "
            "first_success = coalesce(first_success, excluded.first_success), at = excluded.at",
            (exercise, outcome, points, max_points, points, tried, now if outcome == CORRECT else None, now),
        )

    def checks(self) -> dict[str, Checked]:
        rows = self._all(
            "SELECT exercise, outcome, points, max_points, best_points, attempts, first_success FROM checks"
        )
        return {exercise: Checked(*rest) for exercise, *rest in rows}

    def hint_shown(self, exercise: str, number: int) -> None:
        self._write(
            "INSERT INTO help (exercise, hints, at) VALUES (?, ?, ?) ON CONFLICT (exercise) DO UPDATE SET "
            "hints = max(hints, excluded.hints), at = excluded.at",
            (exercise, number, self._time()),
        )

    def solution_shown(self, exercise: str) -> None:
        self._write(
            "INSERT INTO help (exercise, solution_seen, at) VALUES (?, ?, ?) ON CONFLICT (exercise) DO UPDATE SET "
            "solution_seen = coalesce(solution_seen, excluded.solution_seen), at = excluded.at",
            (exercise, self._time(), self._time()),
        )

    def help(self) -> dict[str, Help]:
        return {
            exercise: Help(*rest) for exercise, *rest in self._all("SELECT exercise, hints, solution_seen FROM help")
        }

    def last_touched(self) -> str | None:
        """The id of what was done last by a person: a question, a place of a quiz, or an exercise."""
        rows = self._all(
            "SELECT what FROM (SELECT id AS what, at FROM predictions WHERE how != 'unattended' "
            "UNION ALL SELECT place, at FROM answers UNION ALL SELECT exercise, at FROM checks WHERE attempts > 0 "
            "UNION ALL SELECT exercise, at FROM help) ORDER BY at DESC LIMIT 1"
        )
        return str(rows[0][0]) if rows else None

    # -- the file

    def _time(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _write(self, statement: str, values: tuple[object, ...]) -> bool:
        return self._run(statement, values)[0] > 0

    def _all(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        return self._run(statement, values)[1]

    def _run(self, statement: str, values: tuple[object, ...]) -> tuple[int, list[tuple[Any, ...]]]:
        with self._lock:
            if self._memory is None:
                try:
                    return self._in_file(statement, values)
                except (sqlite3.DatabaseError, OSError) as error:
                    if getattr(error, "sqlite_errorcode", None) in _DAMAGED and self._move_aside(error):
                        return self._in_file(statement, values)
                    self._memory = self._copy_to_memory(error)
            return _execute(self._memory, statement, values)

    def _in_file(self, statement: str, values: tuple[object, ...]) -> tuple[int, list[tuple[Any, ...]]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_WAIT)) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = 1; COMMIT;")
            return _execute(db, statement, values)

    def _move_aside(self, error: Exception) -> bool:
        names = (self.path.with_name(f"{self.path.name}.damaged-{n}") for n in count(1))
        aside = next(name for name in names if not name.exists())
        try:
            os.replace(self.path, aside)
        except OSError:
            return False
        _warn(f"the progress file was damaged ({error}); it was kept as {aside.name}, and a new one was started")
        return True

    def _copy_to_memory(self, error: Exception) -> sqlite3.Connection:
        """A database in memory with what can still be read of the file."""
        _warn(
            f"progress can't be saved in {self.path.parent.name}/{self.path.name} ({error}). "
            "The course goes on; what you do from here is remembered until this kernel ends."
        )
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as db:
            db.backup(memory)
        memory.executescript(_SCHEMA)
        return memory


def _execute(db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> tuple[int, list[tuple[Any, ...]]]:
    with db:
        cursor = db.execute(statement, values)
        return cursor.rowcount, cursor.fetchall()


def _warn(sentence: str) -> None:
    print(f"course: {sentence}", file=sys.stderr)


_stores: dict[Path, Store] = {}


def store_of(course: Course) -> Store:
    """The store of a course folder; one per file in this process."""
    path = progress_file(course)
    return _stores.setdefault(path, Store(path))

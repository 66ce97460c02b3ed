"""Traces of calls to a model: spans by OpenTelemetry, in the words of its GenAI conventions, kept in SQLite.

    from course_lib.apps.traces import read_traces

    for trace in read_traces("traces.db"):
        print(trace)  # chat m: complete, 43 tokens, first after 0.052 s, total 2.161 s

Rule: nobody who sends tokens waits for the store. A span that ends is put into a bounded queue, and one thread writes;
what does not fit, or cannot be written, is dropped and counted. No text of a prompt or an answer is kept: the
conventions make that an opt-in. No global tracer provider: each app has its own, from its start to its end.
Own code where the SDK has BatchSpanProcessor, because that one logs what it drops instead of counting it, waits up to
5 s with a span and up to 30 s with its shutdown (opentelemetry-sdk 1.45.2, sdk/_shared_internal).
Left out: metrics, logs, sampling, and sending to a collector: give `relay` an exporter of OpenTelemetry for that.

Conventions: github.com/open-telemetry/semantic-conventions-genai ("client inference"; status Development).
"""

import atexit
import json
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from course_lib.errors import MisuseError

ENDING = "course.stream.ending"  # one of course_lib.endings; the conventions have no word for it
TOKENS = "course.stream.tokens"  # pieces of content that were passed on
FIRST = "gen_ai.response.time_to_first_chunk"
QUEUE = 1000  # spans that may wait for the store
PATIENCE = 0.2  # seconds that a shutdown waits for the store
LAST_PATIENCE = 2.0  # seconds that the end of the interpreter waits for it
LOCKED = 5.0  # seconds that opening and reading wait for others who use the file
LOCKED_LONG = 60.0  # seconds that a write waits for them, behind everybody's back
_TABLE = """CREATE TABLE IF NOT EXISTS spans (
    span_id TEXT PRIMARY KEY, trace_id TEXT, parent_id TEXT, name TEXT, kind TEXT, status TEXT,
    started_ns INTEGER, ended_ns INTEGER, attributes TEXT, events TEXT)"""
_COLUMNS = "span_id, trace_id, parent_id, name, kind, status, started_ns, ended_ns, attributes, events"


@dataclass(frozen=True, slots=True)
class Trace:
    """One call as it was stored. Times in seconds since 1970; `events` are (name, time). Ids in hexadecimal.

    parent_id: the span of whoever called the relay, from its `traceparent` header; None when it had none.
    status: "UNSET", or "ERROR" when it failed or was truncated.
    """

    span_id: str
    trace_id: str
    parent_id: str | None
    name: str
    kind: str
    status: str
    started: float
    ended: float
    attributes: dict[str, Any]
    events: list[tuple[str, float]]

    @property
    def ending(self) -> str:
        """One of `course_lib.endings`; "" for a span of somebody else."""
        return str(self.attributes.get(ENDING, ""))

    def __str__(self) -> str:
        first = self.attributes.get(FIRST)
        told = "" if first is None else f"first after {first:.3f} s, "
        tokens = self.attributes.get(TOKENS, 0)
        return f"{self.name}: {self.ending}, {tokens} tokens, {told}total {self.ended - self.started:.3f} s"


def read_traces(path: str | Path) -> list[Trace]:
    """All calls in a store, in the order in which they began, also while a relay writes. MisuseError without one."""
    if not Path(path).is_file():
        raise MisuseError(f"there is no store {str(path)!r}: a relay makes it when it starts with store={str(path)!r}")
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True, timeout=LOCKED)) as store:
            rows = store.execute(f"SELECT {_COLUMNS} FROM spans ORDER BY started_ns").fetchall()  # noqa: S608 - fixed
    except sqlite3.Error as error:
        raise MisuseError(f"{str(path)!r} is not a store of traces: {error}") from None
    return [_trace(row) for row in rows]


def _trace(row: Sequence[Any]) -> Trace:
    started, ended, attributes, events = row[6:]
    seen = [(name, at / 1e9) for name, at in json.loads(events)]
    values: list[Any] = [*row[:6], started / 1e9, ended / 1e9, json.loads(attributes), seen]
    return Trace(*values)


class SQLiteExporter(SpanExporter):
    """Writes spans to a file, which is made when it does not exist. Several relays may share it.

    MisuseError when it cannot be opened, or is something else. Durable against the end of the process, not of the
    machine: a trace is not worth an fsync.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._store = sqlite3.connect(str(path), timeout=LOCKED, check_same_thread=False)
            try:
                self._store.execute("PRAGMA journal_mode = WAL")  # who reads does not stop who writes
                self._store.execute("PRAGMA synchronous = OFF")
                with self._store:
                    self._store.execute(_TABLE)
                self._store.execute(f"PRAGMA busy_timeout = {LOCKED_LONG * 1000:.0f}")
            except BaseException:
                self._store.close()
                raise
        except sqlite3.Error as error:
            raise MisuseError(
                f"the store {str(path)!r} cannot be used for traces: {error}; name another file"
            ) from None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._store:
            self._store.executemany(
                f"INSERT OR IGNORE INTO spans ({_COLUMNS}) VALUES ({', '.join('?' * 10)})",  # noqa: S608 - fixed
                [_row(span) for span in spans],
            )
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._store.close()


def _row(span: ReadableSpan) -> list[Any]:
    context, parent = span.get_span_context(), span.parent
    assert context is not None
    return [
        f"{context.span_id:016x}",
        f"{context.trace_id:032x}",
        f"{parent.span_id:016x}" if parent is not None else None,
        span.name,
        span.kind.name,
        span.status.status_code.name,
        span.start_time,
        span.end_time,
        json.dumps(dict(span.attributes or {})),
        json.dumps([(event.name, event.timestamp) for event in span.events]),
    ]


class Writer(SpanProcessor):
    """The bounded queue in front of an exporter, and the thread behind it. `dropped` counts lost spans."""

    def __init__(self, exporter: SpanExporter, size: int = QUEUE) -> None:
        self.exporter = exporter
        self.size = size
        self.dropped = 0
        self._waiting: deque[ReadableSpan] = deque()
        self._news = threading.Condition()
        self._writing = self._closed = False
        self._thread = threading.Thread(target=self._run, name="course-traces", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        with self._news:
            if self._closed or len(self._waiting) >= self.size:
                self.dropped += 1
            else:
                self._waiting.append(span)
                self._news.notify_all()

    def _run(self) -> None:
        while batch := self._next():
            try:
                written = self.exporter.export(batch) is SpanExportResult.SUCCESS
            except Exception:  # whatever a store does, the next span is tried again
                written = False
            with self._news:
                self._writing = False
                self.dropped += 0 if written else len(batch)
                self._news.notify_all()
        self.exporter.shutdown()
        atexit.unregister(self._join)

    def _next(self) -> list[ReadableSpan]:
        """All that waits; empty at the end."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            batch = list(self._waiting)
            self._waiting.clear()
            self._writing = bool(batch)
            return batch

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until all is written; False when that takes too long."""
        with self._news:
            return self._news.wait_for(lambda: not self._waiting and not self._writing, timeout_millis / 1000)

    def shutdown(self) -> None:
        """Write what waits; whatever the store does, return within 0.2 s. The rest is tried until the process ends."""
        atexit.register(self._join)
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._thread.join(PATIENCE)

    def _join(self) -> None:
        self._thread.join(LAST_PATIENCE)

"""Which SSE readers pass which conformance vectors: run here and now, with the libraries of this machine.

Rule: a reader gets each stream whole, through the same code that its users run. It passes when it gives the events of
the standard (type, data, id) and, in the group of `retry`, the reconnection time; an exception is a failure, as it
would be in production. A library that is not installed is left out and named.
Left out: cuts of the bytes, and the id that an event-less block leaves behind, which most libraries do not tell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from course_lib.errors import MisuseError
from course_lib.views.draw import ORANGE, Static, element, join, table
from course_lib.wire import vectors
from course_lib.wire.sse import ServerSentEvent, SSEDecoder
from course_lib.wire.vectors import Vector

Read = tuple[list[ServerSentEvent], int | str | None]  # events, and the reconnection time of the stream
Reader = Callable[[bytes], Read]

GROUPS = {
    "basic": "basic",
    "lines": "line ends",
    "splitlines": "splitlines traps",
    "data": "data",
    "space": "spaces",
    "fields": "field names",
    "comments": "comments",
    "event": "event",
    "id": "id",
    "retry": "retry",
    "utf8": "UTF-8 and mark",
    "eof": "end of stream",
    "combo": "combinations",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reader made of one vector; `error` is the name of an exception, or empty."""

    vector: Vector
    events: tuple[ServerSentEvent, ...]
    retry: int | str | None
    error: str

    @property
    def passed(self) -> bool:
        expected = [event[:3] for event in self.vector.events]
        same_retry = self.vector.group != "retry" or self.retry == self.vector.retry
        return not self.error and [event[:3] for event in self.events] == expected and same_retry

    @property
    def got(self) -> str:
        return self.error or _told(self.vector.group, self.events, self.retry)

    @property
    def expected(self) -> str:
        return _told(self.vector.group, self.vector.events, self.vector.retry)


class Conformance(Static):
    """The table: one row per group of vectors, one column per reader."""

    def __init__(self, outcomes: Mapping[str, Sequence[Outcome]], note: str = "") -> None:
        self.outcomes = outcomes
        header = ("group", "vectors", *outcomes)
        rows: list[list[str]] = []
        for group, name in [*GROUPS.items(), (None, "all")]:
            total = len(self._of(next(iter(outcomes)), group))
            counts = [self.passed(reader, group) for reader in outcomes]
            rows.append([name, str(total), *("✓" if n == total else f"{n} of {total}" for n in counts)])
        styled = [[*row[:2], *(_marked(cell) for cell in row[2:])] for row in rows]
        counted = table("Vectors read as the standard says (✓: all of the group)", header, rows, styled)
        below = element("p", note, style="font-size:12px;margin:2px 10px")
        super().__init__(f"{counted.text}\n{note}", join([counted.html, below]))

    def passed(self, reader: str, group: str | None = None) -> int:
        """Number of vectors that `reader` passes, in one group or in all."""
        return sum(outcome.passed for outcome in self._of(reader, group))

    def failures(self, reader: str, group: str | None = None) -> Static:
        """A table of the streams that `reader` reads in another way than the standard, shortest first."""
        failed = sorted((o for o in self._of(reader, group) if not o.passed), key=lambda o: len(o.vector.stream))
        header = ("stream", "by the standard", f"by {reader}")
        rows = [(repr(o.vector.stream)[1:], o.expected, o.got) for o in failed]
        title = f"{reader}{f', {GROUPS[group]}' if group else ''}: {len(rows)} read in another way"
        return table(title, header, rows, mono=True)

    def _of(self, reader: str, group: str | None) -> Sequence[Outcome]:
        if reader not in self.outcomes:
            raise MisuseError(f"no reader is called {reader!r}; there are {', '.join(self.outcomes)}")
        if group is not None and group not in GROUPS:
            raise MisuseError(f"no group is called {group!r}; there are {', '.join(GROUPS)}")
        return [outcome for outcome in self.outcomes[reader] if group in (None, outcome.vector.group)]


def installed_readers() -> dict[str, Reader]:
    """This course's decoder and the libraries that are installed, by name: bytes to (events, retry)."""
    readers: dict[str, Reader] = {"this course": _this_course}
    for name, (module, read) in _LIBRARIES.items():
        with suppress(ImportError):
            readers[name] = partial(_from_events, partial(read, import_module(module)))
    return readers


def conformance(more: Mapping[str, Callable[[bytes], Iterable[ServerSentEvent]]] | None = None) -> Conformance:
    """Run all graded vectors through the installed readers, and through `more` of them by name."""
    readers = installed_readers()
    versions = [f"{name} {version(name)}" for name in _LIBRARIES if name in readers]
    missing = [name for name in _LIBRARIES if name not in readers]
    note = f"Measured with {', '.join(versions) or 'no library'}."
    note += f" Not installed here: {', '.join(missing)}." if missing else ""
    readers |= {name: partial(_from_events, read) for name, read in (more or {}).items()}
    graded = [vector for vector in vectors.load() if vector.graded]
    return Conformance({name: [_outcome(read, vector) for vector in graded] for name, read in readers.items()}, note)


def _outcome(read: Reader, vector: Vector) -> Outcome:
    try:
        events, retry = read(vector.stream)
    except Exception as error:  # a reader may fail in any way: that is what is measured
        return Outcome(vector, (), None, type(error).__name__)
    return Outcome(vector, tuple(events), retry, "")


def _told(group: str, events: Iterable[ServerSentEvent], retry: int | str | None) -> str:
    told = [f"{e.event}: {e.data!r}{f', id {e.id!r}' if e.id or group == 'id' else ''}" for e in events]
    if group == "retry":
        told.append(f"retry {retry!r}")
    return "; ".join(told) or "no event"


def _marked(cell: str) -> str:
    return cell if cell == "✓" else element("strong", cell, style=f"border-bottom:2px solid {ORANGE}")


def _this_course(stream: bytes) -> Read:
    decoder = SSEDecoder()
    return decoder.feed(stream), decoder.retry


def _from_events(read: Callable[[bytes], Iterable[Any]], stream: bytes) -> Read:
    """Events of any library: type, data, id and retry as attributes. The last retry is that of the stream."""
    events = [ServerSentEvent(e.event or "message", e.data, e.id or "", _number(e.retry)) for e in read(stream)]
    return events, next((event.retry for event in reversed(events) if event.retry is not None), None)


def _number(retry: Any) -> Any:
    return int(retry) if isinstance(retry, str) and retry.isascii() and retry.isdigit() else retry


# How each library is called. openai and anthropic have no public decoder; their streams are built on these classes.


def _response(package: str, stream: bytes) -> Any:
    module = import_module(package)
    request = module.Request("GET", "http://127.0.0.1/")
    return module.Response(200, headers={"content-type": "text/event-stream"}, content=stream, request=request)


def _sdk(module: Any, stream: bytes) -> Any:
    return module.SSEDecoder().iter_bytes(iter([stream]))


_LIBRARIES: dict[str, tuple[str, Callable[[Any, bytes], Iterable[Any]]]] = {
    "httpx-sse": ("httpx_sse", lambda module, stream: module.EventSource(_response("httpx", stream)).iter_sse()),
    "httpx2": ("httpx2", lambda module, stream: module.EventSource(_response("httpx2", stream))),
    "openai": ("openai._streaming", _sdk),
    "anthropic": ("anthropic._streaming", _sdk),
    "sseclient-py": ("sseclient", lambda module, stream: module.SSEClient(iter([stream])).events()),
}

"""What was seen in a recording, in its order: a reader for each connection, a table with a picture, live.

Rule: the table has the first LIMIT of it, and says how many more there are. Left out: what is seen, and its picture.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from course_lib.recording import Chunk, Recording
from course_lib.views.draw import Markup, Static, pictured
from course_lib.views.heard import Heard
from course_lib.views.live import RecordingView

LIMIT = 200


class Entry(Protocol):
    """One thing that was seen: when (seconds), on which connection, and who sent it."""

    @property
    def at(self) -> float: ...
    @property
    def conn(self) -> int: ...
    @property
    def side(self) -> str: ...


E = TypeVar("E", bound=Entry)


class Log(Heard, Generic[E]):
    """All entries of a recording, in order."""

    def __init__(self, recording: Recording) -> None:
        self.seen: list[E] = []
        self._readers: dict[int, Callable[[Chunk], Iterable[E]]] = {}
        super().__init__(recording)

    def _reader(self) -> Callable[[Chunk], Iterable[E]]:
        """For one connection: what each of its chunks completes."""
        raise NotImplementedError

    def _take(self, chunk: Chunk) -> None:
        if chunk.conn not in self._readers:
            self._readers[chunk.conn] = self._reader()
        self.seen += self._readers[chunk.conn](chunk)

    def view(self, kind: str, picture: Callable[[str, list[E]], Static]) -> RecordingView:
        """A live view. picture: of the title and the entries until now."""

        def state() -> Static:
            self.update()
            return picture(self._recording.title, self.seen[:])

        return RecordingView(kind, state, self._recording)


def logged(
    title: str,
    told: str,
    seen: Sequence[E],
    columns: Sequence[str],
    cells: Callable[[E], list[str]],
    draw: Callable[[str, bool], Markup],
    more: str,
) -> Static:
    """The entries as a table below their picture.

    told: in short; cells: of an entry, under `columns`; draw: the picture under a heading, in which (True) several
    connections must be told apart; more: what the rest is called.
    """
    several = len({one.conn for one in seen}) > 1
    rows = [[f"{one.at:.3f}", f"#{one.conn} {one.side}" if several else one.side, *cells(one)] for one in seen[:LIMIT]]
    if len(seen) > LIMIT:
        rows.append(["…", *[""] * len(columns), f"{len(seen) - LIMIT:,} {more}"])
    heading = f"{title}: {told}" if title else told
    return pictured(heading, ("seconds", "from", *columns), rows, draw(heading, several), f"{heading}.")

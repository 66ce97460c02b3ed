"""What crossed a connection: chunks of bytes with the moment at which each passed.

Rule: append only, and every time is passed in, in seconds since the start of the recording. A hop adds
from its thread while views read by index from others: whoever has read `n` chunks goes on at `chunks[n:]`.
Files are JSON lines that a person can read: a header, then one chunk a line with its bytes as latin-1 text.
Left out: clocks, sockets and any idea of what the bytes mean (that is `wire`).
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from course_lib.errors import MisuseError, RecordingError

VERSION = 1
SIDES = ("client", "server")
KINDS = ("data", "open", "close", "reset")
MAX_LINE = 16_000_000  # bytes of one line of a file
MAX_FILE = 256_000_000  # bytes of a file


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that one side sent at once, or the opening, close (FIN) or reset (RST) of a connection.

    `at` is in seconds since the start of the recording, `conn` counts connections from 0, `side` is who sent it.
    """

    at: float
    conn: int
    side: str
    kind: str
    data: bytes

    def __str__(self) -> str:
        what = repr(self.data)[1:] if self.kind == "data" else self.kind
        return f"{self.at:.3f} s  #{self.conn} {self.side}: {what}"


class Recording:
    """An append-only list of chunks; one thread may add while others read."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.chunks: list[Chunk] = []

    def add(self, at: float, conn: int, side: str, data: bytes = b"", kind: str = "data") -> None:
        """Append one chunk; `at` is kept to the microsecond. MisuseError when an argument makes no sense."""
        if side not in SIDES or kind not in KINDS:
            raise MisuseError(f"a chunk has a side of {SIDES} and a kind of {KINDS}, not {side!r} and {kind!r}")
        if not (math.isfinite(at) and at >= 0) or conn < 0:
            raise MisuseError(f"a chunk has at >= 0 (seconds) and conn >= 0, not at={at!r} and conn={conn!r}")
        if data and kind != "data":
            raise MisuseError(f"only a chunk of kind 'data' carries bytes; this {kind!r} came with {len(data)}")
        self.chunks.append(Chunk(round(at, 6), conn, side, kind, bytes(data)))

    @property
    def connections(self) -> list[int]:
        """Numbers of the connections seen, in order of appearance."""
        return list(dict.fromkeys(chunk.conn for chunk in self.chunks[:]))

    def bytes_from(self, side: str = "server", conn: int | None = None) -> bytes:
        """All bytes that `side` sent, on one connection or (None) on all of them in the order of their arrival."""
        if side not in SIDES:
            raise MisuseError(f"the sides of a connection are {SIDES}, not {side!r}")
        return b"".join(c.data for c in self.chunks[:] if c.side == side and conn in (None, c.conn))

    def replay(self, speed: float = 1.0) -> Iterator[tuple[float, Chunk]]:
        """Yield (seconds to wait before this chunk, chunk); `speed` 2.0 halves the waits. The caller sleeps."""
        if not speed > 0:
            raise MisuseError(f"speed is a factor above 0 (1.0 is as recorded), not {speed!r}")
        now = 0.0
        for chunk in self.chunks:
            yield max(0.0, chunk.at - now) / speed, chunk
            now = max(now, chunk.at)

    def save(self, path: str | Path) -> None:
        """Write the recording to `path`. RecordingError when it is larger than `load` would accept."""
        chunks = self.chunks[:]
        lines = [json.dumps({"recording": VERSION, "title": self.title, "chunks": len(chunks)})]
        lines += [json.dumps([c.at, c.conn, c.side, c.kind, c.data.decode("latin-1")]) for c in chunks]
        longest, size = max(map(len, lines)) + 1, sum(map(len, lines)) + len(lines)
        if longest > MAX_LINE or size > MAX_FILE:
            raise RecordingError(
                f"the recording needs {size:,} bytes, its longest line {longest:,}; a file may have {MAX_FILE:,}, "
                f"a line {MAX_LINE:,}: record less"
            )
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="ascii", newline="\n")

    @classmethod
    def load(cls, path: str | Path) -> "Recording":
        """Read a saved recording. RecordingError, with the number of the line, when it is not one or not whole."""
        with open(path, "rb") as file:
            return cls._read(file, Path(path).name)

    @classmethod
    def _read(cls, file: IO[bytes], name: str) -> "Recording":
        try:
            line = file.readline(MAX_LINE)
            header = json.loads(line if line.endswith(b"\n") else b"")
            version, title, count = header["recording"], header["title"], header["chunks"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise RecordingError(
                f'{name}, line 1: expected {{"recording": {VERSION}, "title": ..., "chunks": ...}}; '
                "the file was not written by Recording.save(), or is cut off"
            ) from None
        if version != VERSION or not isinstance(title, str) or type(count) is not int:
            raise RecordingError(
                f"{name}, line 1: recording version {version!r}; this library reads version {VERSION}: record it again"
            )
        recording = cls(title)
        for number in range(2, count + 2):
            line = file.readline(MAX_LINE)
            if not line.endswith(b"\n"):
                state = f"longer than {MAX_LINE:,} bytes" if len(line) == MAX_LINE else "cut off" if line else "missing"
                raise RecordingError(f"{name}, line {number}: {state}; line 1 promises {count} chunks, one a line")
            if file.tell() > MAX_FILE:
                raise RecordingError(f"{name}, line {number}: the file is longer than {MAX_FILE:,} bytes")
            recording._add_line(line, f"{name}, line {number}")
        if rest := file.read(40):
            raise RecordingError(f"{name}, line {count + 2}: expected the end after {count} chunks, got {rest!r}")
        return recording

    def _add_line(self, line: bytes, where: str) -> None:
        try:
            at, conn, side, kind, text = json.loads(line)
            if type(conn) is not int:
                raise TypeError(f"connection {conn!r}")
            self.add(at, conn, side, text.encode("latin-1"), kind)
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise RecordingError(
                f"{where}: expected [seconds, connection, side, kind, text of bytes 0 to 255], "
                f"got {line[:60]!r} ({error}); the file was changed or damaged"
            ) from None

    def __repr__(self) -> str:
        chunks = self.chunks[:]
        sent = {side: sum(len(c.data) for c in chunks if c.side == side) for side in SIDES}
        last = max((c.at for c in chunks), default=0.0)
        return (
            f"<Recording {self.title!r}: {len(self.connections)} connections, {last:.3f} s, "
            f"{sent['client']:,} bytes from clients, {sent['server']:,} from servers>"
        )

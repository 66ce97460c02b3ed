"""From a recording to lanes: which answers came, which token at what moment, and how each ended.

Rule: decoded by `wire` as the bytes grew, each byte once, so that following a recording costs linear time.
Endings: "complete" (the framing says so), "closed" (a body that runs until close: nobody can know if it is whole),
"cut off", "reset", "client left", "no [DONE]" (whole, but without the terminator of its vendor), "length", "error" (one
came in the stream), "status 429", "broken: ..." (not HTTP/1). `outcome` is which of the five of `course_lib.endings`
that is, where it can be known. Left out: drawing, HTTP/2, compressed bodies.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

from course_lib.endings import ENDINGS, Ending, EndingReader
from course_lib.errors import WireError
from course_lib.metrics import StreamMetrics, summarise
from course_lib.recording import Chunk, Recording
from course_lib.views.bodies import BodyReader, reader_for
from course_lib.views.heard import Heard
from course_lib.wire.chunked import ChunkedDecoder
from course_lib.wire.http1 import Framing, Head, HeadDecoder, RequestHead, ResponseHead, body_framing


@dataclass(slots=True)
class Lane:
    """One stream. Times in seconds on the clock of whoever fills it; `ended` is None while it runs.

    offset: seconds to add to these times to be on the clock of the view (infinite while nobody can know).
    """

    label: str
    started: float | None = None
    status: int | None = None
    tokens: list[tuple[float, str]] = field(default_factory=list)
    ending: str = ""
    outcome: Ending | None = None
    ended: float | None = None
    body: bytearray = field(default_factory=bytearray)
    offset: float = 0.0

    def metrics(self) -> StreamMetrics:
        """Of the tokens so far."""
        return summarise(self.started or 0.0, [at for at, _ in self.tokens], self.outcome)

    @property
    def told(self) -> str:
        """How it ended, for a person: the outcome, and what was seen of it when that is another word."""
        return f"{self.outcome} ({self.ending})" if self.outcome not in (None, self.ending) else self.ending

    def length(self, now: float) -> float:
        """Seconds from the start to the end, or to `now` on the clock of the view, or at least to the last token."""
        if self.started is None:
            return 0.0
        if self.ended is not None:
            return self.ended - self.started
        last = self.tokens[-1][0] if self.tokens else self.started
        return max(now - self.offset, last) - self.started

    def end(self, at: float, ending: str, outcome: Ending | None = None) -> None:
        """The stream is over; later calls change nothing."""
        if self.ended is None:
            self.ended, self.ending = at, ending
            self.outcome = outcome or next((word for word in ENDINGS if word == ending), None)


class Timeline(Heard):
    """Lanes of a recording. lanes: a list to append to."""

    def __init__(self, recording: Recording, lanes: list[Lane] | None = None) -> None:
        self.lanes: list[Lane] = [] if lanes is None else lanes
        self._offset = inf
        self._connections: dict[int, _Connection] = {}
        self._own: list[Lane] = []
        super().__init__(recording)

    def update(self, now: float = inf) -> None:
        """Decode the chunks that are new; callable from any thread. now: on the clock of the view, if there is one."""
        with self._lock:
            fresh = self._take_fresh()
            if fresh and now - fresh[-1].at < self._offset:
                # A chunk is seen late, never early: the smallest difference comes nearest to the truth.
                self._offset = now - fresh[-1].at
                for lane in self._own:
                    lane.offset = self._offset

    def _take(self, chunk: Chunk) -> None:
        if chunk.conn not in self._connections:
            self._connections[chunk.conn] = _Connection(self._new_lane)
        self._connections[chunk.conn].take(chunk)

    def _new_lane(self, name: str) -> Lane:
        label = self._recording.title or name
        same = sum(lane.label.partition(" #")[0] == label for lane in self.lanes)
        lane = Lane(f"{label} #{same + 1}" if same else label, offset=self._offset)
        self.lanes.append(lane)
        self._own.append(lane)
        return lane


class _Connection:
    """Requests and responses of one connection, paired in order (RFC 9112 section 9.3.2)."""

    def __init__(self, new_lane: Callable[[str], Lane]) -> None:
        self._new_lane = new_lane
        self._waiting: deque[tuple[str, Lane]] = deque()
        self._method = ""  # of the request whose response is being read
        self._lane: Lane | None = None  # of that response
        self._body = BodyReader()
        self._streams = {
            "client": _Messages(body_framing),
            "server": _Messages(lambda head: body_framing(head, method=self._method)),
        }

    def take(self, chunk: Chunk) -> None:
        at, stream = chunk.at, self._streams[chunk.side]
        if chunk.kind == "data" and not stream.broken:
            try:
                for item in stream.feed(chunk.data):
                    self._use(at, chunk.side, item)
            except WireError as error:
                stream.broken = True
                self._end_all(at, f"broken: {error}")
        elif chunk.kind == "reset":
            self._end_all(at, "reset")
        elif chunk.kind == "close" and chunk.side == "client":
            self._end_all(at, "client left")
        elif chunk.kind == "close" and self._lane is not None and stream.until_close:
            self._whole(at, "closed")
        elif chunk.kind == "close":
            self._end_all(at, "cut off")

    def _end_all(self, at: float, ending: str) -> None:
        error = "cancelled" if ending == "client left" else ending
        if self._lane is not None:
            self._lane.end(at, ending, self._body.endings.close(error))
        for _, lane in self._waiting:
            lane.end(at, ending, EndingReader("text").close(error))
        self._lane = None
        self._waiting.clear()

    def _use(self, at: float, side: str, item: Head | bytes | None) -> None:
        match side, item:
            case "client", RequestHead():
                lane = self._new_lane(f"{item.method} {item.target}")
                lane.started = at
                self._waiting.append((item.method, lane))
            case "server", ResponseHead():
                if not self._waiting:
                    self._waiting.append(("GET", self._new_lane("answer")))
                self._method, lane = self._waiting[0]
                if item.status >= 200:  # an interim response (RFC 9110 section 15.2) is followed by the real one
                    self._waiting.popleft()
                    lane.started = at if lane.started is None else lane.started
                    lane.status, self._lane, self._body = item.status, lane, reader_for(item)
            case _, RequestHead() | ResponseHead():
                wanted = "requests" if side == "client" else "responses"
                raise WireError(f"A {side} sends {wanted}, got {item.start_line!r}.")
            case "server", bytes() if self._lane is not None:
                self._lane.body += item
                self._lane.tokens += [(at, text) for text in self._body.feed(item)]
            case "server", None:
                self._whole(at, "complete")

    def _whole(self, at: float, ending: str) -> None:
        if self._lane is None:
            return
        self._lane.tokens += [(at, text) for text in self._body.close()]
        if self._lane.status is not None and self._lane.status >= 400:
            self._lane.tokens.clear()
            self._lane.end(at, f"status {self._lane.status}", "error")
        word, known = self._body.verdict or ending, self._body.endings.vocabulary not in (None, "text")
        self._lane.end(at, word, self._body.endings.close() if known else None)
        self._lane = None


class _Messages:
    """One direction of a connection as items: a head, the pieces of its body (bytes), None at its end."""

    def __init__(self, framing: Callable[[Head], Framing]) -> None:
        self._framing = framing  # asked after the head was handed out
        self._head: HeadDecoder | None = HeadDecoder()  # None while a body is read
        self._chunks: ChunkedDecoder | None = None
        self._missing: int | None = None  # bytes of a body with a length
        self.until_close = self.broken = False

    def feed(self, data: bytes) -> Iterator[Head | bytes | None]:
        while data:
            if self._head is not None:
                heads = self._head.feed(data)
                yield from heads
                data, whole = self._head.rest, False
                for head in heads:
                    whole = self._begin(self._framing(head))
            elif self._chunks is not None:
                yield from self._chunks.feed(data)
                data, whole = self._chunks.rest, self._chunks.done
            else:
                piece = data[: self._missing]
                yield piece
                data, whole = data[len(piece) :], False
                if self._missing is not None:
                    self._missing -= len(piece)
                    whole = not self._missing
            if whole:
                self._head = HeadDecoder()
                yield None

    def _begin(self, framing: Framing) -> bool:
        """A body begins; is it empty?"""
        self._head, self._missing = None, framing.length
        self._chunks = ChunkedDecoder() if framing.kind == "chunked" else None
        self.until_close = framing.kind == "close"
        return framing.kind == "none" or framing.length == 0

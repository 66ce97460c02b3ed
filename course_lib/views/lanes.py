"""A lane: one answer with its tokens, their times and its ending; and an answer that is being read into one.

Endings: "complete" (the framing or its terminator says so), "closed" (it ran until close: nobody can know if it is
whole), "cut off", "reset", "client left", "no [DONE]" (whole, but without the terminator of its vocabulary), "length",
"cancelled", "error" (one came in the stream), "status 429", "closed with 1011" (a WebSocket), "broken: ...". `outcome`
is which of the five of `course_lib.endings` that is, where it can be known.
Rule: only the first ending counts. Left out: where the bytes come from (timeline, chat) and drawing (pictures).
"""

from dataclasses import dataclass, field

from course_lib.endings import ENDINGS, Ending
from course_lib.metrics import StreamMetrics, summarise
from course_lib.views.bodies import BodyReader, reader_for
from course_lib.wire.http1 import ResponseHead

LEFT, CUT = "client left", "cut off"  # endings that a close of the connection makes


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


class Answer:
    """An answer that is being read into its lane, which begins when the request passes. body: how it is read."""

    def __init__(self, lane: Lane, at: float, body: BodyReader | None = None) -> None:
        self.lane, self.body = lane, body or BodyReader()
        lane.started = at

    def head(self, head: ResponseHead) -> None:
        self.lane.status, self.body = head.status, reader_for(head)

    def data(self, at: float, piece: bytes) -> None:
        """The next bytes of the body. Raises WireError."""
        self.lane.body += piece
        self.message(at, piece)

    def message(self, at: float, piece: bytes) -> None:
        """The same, of what has no body: a message of a WebSocket."""
        self.lane.tokens += [(at, text) for text in self.body.feed(piece)]

    def whole(self, at: float, ending: str = "complete") -> None:
        """It has ended properly: by its framing, or by what its content says."""
        lane = self.lane
        lane.tokens += [(at, text) for text in self.body.close()]
        if lane.status is not None and lane.status >= 400:
            lane.tokens.clear()
            lane.end(at, f"status {lane.status}", "error")
        lane.end(at, self.body.verdict or ending, self.body.endings.close() if self.body.known else None)

    def broke(self, at: float, ending: str) -> None:
        """It has ended in another way."""
        self.lane.end(at, ending, self.body.endings.close("cancelled" if ending == LEFT else ending))

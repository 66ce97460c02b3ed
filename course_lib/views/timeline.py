"""From a recording to lanes: which answers came, which token at what moment, and how each ended.

Rule: decoded by `wire` as the bytes grew, each byte once, so that following a recording costs linear time. HTTP/1 and
HTTP/2 both read along on each connection: whoever cannot read it finds no answers. A WebSocket grows out of HTTP/1.
Left out: drawing, compressed bodies, TLS.
"""

from collections import deque
from collections.abc import Callable
from math import inf

from course_lib.errors import WireError
from course_lib.recording import Chunk, Recording
from course_lib.views.chat import Chat
from course_lib.views.heard import Heard
from course_lib.views.http2 import FrameReader, Seen
from course_lib.views.lanes import CUT, LEFT, Answer, Lane
from course_lib.views.messages import Item, Messages
from course_lib.wire.http1 import RequestHead, ResponseHead
from course_lib.wire.websocket import Frame

NewLane = Callable[[str], Lane]


class Timeline(Heard):
    """Lanes of a recording. lanes: a list to append to."""

    def __init__(self, recording: Recording, lanes: list[Lane] | None = None) -> None:
        self.lanes: list[Lane] = [] if lanes is None else lanes
        self._offset = inf
        self._connections: dict[int, tuple[Http1, Http2]] = {}
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
            self._connections[chunk.conn] = Http1(self._new_lane), Http2(self._new_lane)
        for readers in self._connections[chunk.conn]:
            readers.take(chunk)

    def _new_lane(self, name: str) -> Lane:
        label = self._recording.title or name
        same = sum(lane.label.partition(" #")[0] == label for lane in self.lanes)
        lane = Lane(f"{label} #{same + 1}" if same else label, offset=self._offset)
        self.lanes.append(lane)
        self._own.append(lane)
        return lane


class Http1:
    """Requests and responses of one connection, paired in their order; and the answers of a WebSocket."""

    def __init__(self, new_lane: NewLane) -> None:
        self._new_lane = new_lane
        self._messages = Messages()
        self._waiting: deque[Answer] = deque()
        self._answer: Answer | None = None  # whose body is being read
        self._chat: Chat | None = None

    def take(self, chunk: Chunk) -> None:
        at, side = chunk.at, chunk.side
        if chunk.kind == "data":
            try:
                for item in self._messages.feed(side, chunk.data):
                    self._use(at, side, item)
            except WireError as error:
                self._messages.stop(side)
                self._end_all(at, f"broken: {error}")
        elif chunk.kind == "close" and side == "server" and self._answer and self._messages.until_close(side):
            self._whole(at, "closed")
        elif chunk.kind != "open":
            self._end_all(at, ending_of(chunk.kind, side))

    def _end_all(self, at: float, ending: str) -> None:
        for answer in (self._answer, *self._waiting, self._chat):
            if answer is not None:
                answer.broke(at, ending)
        self._answer = self._chat = None
        self._waiting.clear()

    def _use(self, at: float, side: str, item: Item) -> None:
        match side, item:
            case "client", RequestHead():
                self._waiting.append(Answer(self._new_lane(f"{item.method} {item.target}"), at))
            case "server", ResponseHead():
                if not self._waiting:
                    self._waiting.append(Answer(self._new_lane("answer"), at))
                self._begin(item)
            case _, RequestHead() | ResponseHead():
                wanted = "requests" if side == "client" else "responses"
                raise WireError(f"A {side} sends {wanted}, got {item.start_line!r}.")
            case _, Frame() if self._chat is not None:
                self._chat.take(at, side, item)
            case "server", bytes() if self._answer is not None:
                self._answer.data(at, item)
            case "server", None:
                self._whole(at)

    def _begin(self, head: ResponseHead) -> None:
        if head.status >= 200:  # an interim response (RFC 9110 section 15.2) is followed by the real one
            self._answer = self._waiting.popleft()
            self._answer.head(head)
        elif head.status == 101:
            handshake = self._waiting.popleft()
            self._chat = Chat(handshake, lambda: self._new_lane(handshake.lane.label.partition(" #")[0]))

    def _whole(self, at: float, ending: str = "complete") -> None:
        if self._answer is not None:
            self._answer.whole(at, ending)
            self._answer = None


class Http2:
    """The streams of one connection, each an answer."""

    def __init__(self, new_lane: NewLane) -> None:
        self._new_lane = new_lane
        self._frames = FrameReader()
        self._answers: dict[int, Answer] = {}  # that run, by stream
        self._last = False  # the header block or the data that is being read ends what the server says

    def take(self, chunk: Chunk) -> None:
        for seen in self._frames.take(chunk):
            if seen.kind != "frame":
                ending = f"broken: {seen.why}" if seen.kind == "broken" else ending_of(seen.kind, seen.side)
                for answer in self._answers.values():
                    answer.broke(seen.at, ending)
                self._answers.clear()
            elif seen.side == "client":
                self._asked(seen)
            elif seen.frame.stream in self._answers:
                self._answered(seen, self._answers[seen.frame.stream])

    def _asked(self, seen: Seen) -> None:
        frame, fields = seen.frame, dict(seen.frame.headers)
        if ":method" in fields:
            lane = self._new_lane(f"{fields[':method']} {fields.get(':path', '')}".strip())
            self._answers[frame.stream] = Answer(lane, seen.at)
        elif frame.type == "RST_STREAM" and frame.stream in self._answers:
            self._answers.pop(frame.stream).broke(seen.at, LEFT)

    def _answered(self, seen: Seen, answer: Answer) -> None:
        frame, status = seen.frame, dict(seen.frame.headers).get(":status", "")
        if frame.type in ("HEADERS", "PUSH_PROMISE", "DATA"):  # a CONTINUATION has no such flag
            self._last = "END_STREAM" in frame.flags
        ended = self._last and (frame.type == "DATA" or "END_HEADERS" in frame.flags)
        try:
            if status.isdecimal() and int(status) >= 200:
                answer.head(ResponseHead(int(status), headers=frame.headers))
            answer.data(seen.at, frame.data)
            if ended:
                answer.whole(seen.at)
            elif frame.type == "RST_STREAM":
                answer.broke(seen.at, f"reset: {frame.error}")
        except WireError as error:
            answer.broke(seen.at, f"broken: {error}")
        if answer.lane.ended is not None:
            del self._answers[frame.stream]


def ending_of(kind: str, side: str) -> str:
    """What it means for an answer that a side resets or closes the connection."""
    return kind if kind == "reset" else LEFT if side == "client" else CUT

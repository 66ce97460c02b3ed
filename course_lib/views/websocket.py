"""The view of a WebSocket: handshake, frames and ending of a conversation as a recording heard them, as a ladder.

Rule: frames come from the decoder of `wire.websocket`, each byte decoded once; a frame stands at the moment at which
its last byte passed. Bytes that are no WebSocket end the frames of their side, and the reason is shown.
Left out: what is in compressed messages, bodies of refusals, and recordings of TLS.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.errors import WireError
from course_lib.recording import Chunk, Recording
from course_lib.views.draw import BLUE, GREEN, GREY, ORANGE, RED, Markup, Static, element, pictured, shorten, svg
from course_lib.views.heard import Heard
from course_lib.views.live import RecordingView
from course_lib.wire.http1 import Head, HeadDecoder, RequestHead, ResponseHead
from course_lib.wire.websocket import Frame, WebSocketDecoder

LIMIT, ARROWS = 200, 60  # rows of the table, arrows of the picture
MAX_MESSAGE = 16_000_000  # bytes
HEADER = ("seconds", "from", "what", "bytes", "bits", "what it says")
ABNORMAL = "without a close frame: code 1006"
WIDTH, TOP, ROW = 760, 62, 26
SIDES = {"client": 120, "server": 700}  # where their lines stand
SMALL = {"font_size": 11, "fill": GREY}
COLOURS = {"text": BLUE, "binary": BLUE, "continuation": BLUE, "ping": GREEN, "pong": GREEN, "close": ORANGE}


@dataclass(frozen=True, slots=True)
class Seen:
    """A head, a frame or an ending. what: its name, one of COLOURS, "request", "response", or in brackets an ending."""

    at: float
    conn: int
    side: str
    what: str
    told: str = ""
    frame: Frame | None = None


class _Connection:
    """What each side of a connection is being read with; None when there is nothing more to read."""

    def __init__(self) -> None:
        self.readers: dict[str, HeadDecoder | WebSocketDecoder | None] = {
            "client": HeadDecoder(),
            "server": HeadDecoder(),
        }
        self.reserved = 0

    def feed(self, side: str, data: bytes) -> Iterator[Head | Frame]:
        reader = self.readers[side]
        if isinstance(reader, HeadDecoder):
            for head in reader.feed(data):
                yield head
                data, self.readers[side] = reader.rest, self._behind(side, head)
        reader = self.readers[side]
        if isinstance(reader, WebSocketDecoder):
            yield from reader.feed(data)

    def _behind(self, side: str, head: Head) -> WebSocketDecoder | None:
        if isinstance(head, ResponseHead):
            if head.status != 101:
                self.readers["client"] = None
                return None
            self.reserved = 4 if "permessage-deflate" in (head.get("sec-websocket-extensions") or "") else 0
        return WebSocketDecoder(MAX_MESSAGE, masked=side == "client", reserved=4 if side == "client" else self.reserved)

    def unclosed(self, side: str) -> bool:
        reader = self.readers[side]
        return isinstance(reader, WebSocketDecoder) and not reader.done


class Conversation(Heard):
    """Everything that was seen, in order."""

    def __init__(self, recording: Recording) -> None:
        self.seen: list[Seen] = []
        self._connections: dict[int, _Connection] = {}
        super().__init__(recording)

    def of(self, side: str, conn: int | None = None) -> list[Frame]:
        """The frames that `side` sent, on one connection or (None) on all."""
        return [one.frame for one in self.seen if one.frame and one.side == side and conn in (None, one.conn)]

    def _take(self, chunk: Chunk) -> None:
        connection = self._connections.setdefault(chunk.conn, _Connection())
        if chunk.kind in ("close", "reset"):
            told = ABNORMAL if connection.unclosed(chunk.side) else ""
            self._note(chunk, "(FIN)" if chunk.kind == "close" else "(RST)", told)
        elif chunk.kind == "data":
            try:
                for one in connection.feed(chunk.side, chunk.data):
                    self._hear(chunk, one)
            except WireError as error:
                for finished in error.finished:
                    self._hear(chunk, finished)
                connection.readers[chunk.side] = None
                self._note(chunk, "(broken)", str(error))

    def _hear(self, chunk: Chunk, one: object) -> None:
        if isinstance(one, Frame):
            self._note(chunk, one.opcode.name.lower(), one.told, one)
        elif isinstance(one, ResponseHead | RequestHead):
            self._note(chunk, "response" if isinstance(one, ResponseHead) else "request", _told(one))

    def _note(self, chunk: Chunk, what: str, told: str, frame: Frame | None = None) -> None:
        self.seen.append(Seen(chunk.at, chunk.conn, chunk.side, what, told, frame))


def _told(head: Head) -> str:
    fields = ("origin", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions")
    return " | ".join([head.start_line, *(f"{name}: {head.get(name)}" for name in fields if head.get(name))])


def websocket_view(recording: Recording) -> RecordingView:
    """The WebSockets in a recording (of `tap(server.url)`), live: an arrow for each frame, and a table.

    with tap(server.url) as t:
        ...  # a client that is connected to t.url
        websocket_view(t.recording)
    """
    conversation = Conversation(recording)

    def state() -> Static:
        conversation.update()
        return picture(recording.title, conversation.seen[:])

    return RecordingView(f"WebSocket of {recording.title or 'a recording'}", state, recording)


def picture(title: str, seen: list[Seen]) -> Static:
    """The first LIMIT of them as a table, the first ARROWS as a picture."""
    several = len({one.conn for one in seen}) > 1
    rows = [_row(one, several) for one in seen[:LIMIT]]
    if len(seen) > LIMIT:
        rows.append(["…", "", "", "", "", f"{len(seen) - LIMIT:,} more"])
    counts = [sum(one.frame is not None and one.side == side for one in seen) for side in SIDES]
    told = f"{counts[0]:,} frame{'s' * (counts[0] != 1)} from the client, {counts[1]:,} from the server"
    heading = f"{title}: {told}" if title else told
    return pictured(heading, HEADER, rows, _svg(heading, seen, several), f"WebSocket {heading}.")


def _row(one: Seen, several: bool) -> list[str]:
    side = f"#{one.conn} {one.side}" if several else one.side
    bits = ["", ""] if one.frame is None else [f"{one.frame.size:,}", ", ".join(one.frame.notes)]
    return [f"{one.at:.3f}", side, one.what, *bits, shorten(one.told, 120)]


def _svg(title: str, seen: list[Seen], several: bool) -> Markup:
    shown = seen[:ARROWS]
    height = TOP + len(shown) * ROW + 30
    parts = [element("text", title, x=14, y=22, font_size=14, font_weight="bold")]
    for side, x in SIDES.items():
        parts.append(element("text", side, x=x, y=46, text_anchor="middle"))
        parts.append(element("path", d=f"M{x} 52V{height - 26}", stroke="#999", stroke_width=2))
    parts += [_arrow(one, TOP + number * ROW, several) for number, one in enumerate(shown)]
    more = f"; {len(seen) - ARROWS:,} more left out" if len(seen) > ARROWS else ""
    parts.append(element("text", f"Times in seconds{more}", x=14, y=height - 10, **SMALL))
    return svg(WIDTH, height, title, *parts)


def _arrow(one: Seen, top: int, several: bool) -> Markup:
    """From the side that sent it to the other one, with what it says above; an ending crosses the line of its side."""
    colour = COLOURS.get(one.what, RED if one.what in ("(RST)", "(broken)") else GREY)
    here = SIDES[one.side]
    there, back = (SIDES["server"], -7) if one.side == "client" else (SIDES["client"], 7)
    stroke = {"stroke": colour, "stroke_width": 1.5, "fill": "none"}
    dashes = "5 4" if one.frame is None else None
    parts = [
        element("text", f"{f'#{one.conn} ' if several else ''}{one.at:.3f}", x=14, y=19, **SMALL),
        element("text", shorten(f"{one.what} {one.told}", 84), x=130, y=11, font_size=11, fill="#444"),
        element("path", d=f"M{here} 16H{there}", **stroke, stroke_dasharray=dashes),
        element("path", d=f"M{there + back} 12L{there} 16L{there + back} 20", **stroke),
    ]
    if one.what == "(RST)":
        parts.append(element("path", d=f"M{here - 6} 10l12 12m0 -12l-12 12", **{**stroke, "stroke_width": 3}))
    return element("g", *parts, transform=f"translate(0 {top})")

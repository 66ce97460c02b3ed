"""The view of a WebSocket: handshake, frames and ending of a conversation as a recording heard them, as a ladder.

Rule: frames come from the decoder of `wire.websocket`, each byte decoded once; a frame stands at the moment at which
its last byte passed. Bytes that are no WebSocket end the frames of their side, and the reason is shown.
Left out: what is in compressed messages, bodies of refusals, and recordings of TLS.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from course_lib.errors import WireError
from course_lib.recording import Chunk, Recording
from course_lib.views.draw import BLUE, GREEN, GREY, ORANGE, RED, Markup, Static, element, shorten, svg
from course_lib.views.live import RecordingView
from course_lib.views.log import Log, logged
from course_lib.views.messages import Messages
from course_lib.wire.http1 import Head, RequestHead, ResponseHead
from course_lib.wire.websocket import Frame

ARROWS = 60  # in the picture
COLUMNS = ("what", "bytes", "bits", "what it says")
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


class ConversationReader:
    """Both sides of one connection."""

    def __init__(self) -> None:
        self._messages = Messages()

    def take(self, chunk: Chunk) -> Iterator[Seen]:
        """What this chunk completes."""

        def seen(what: str, told: str, frame: Frame | None = None) -> Seen:
            return Seen(chunk.at, chunk.conn, chunk.side, what, told, frame)

        if chunk.kind in ("close", "reset"):
            told = ABNORMAL if self._messages.unclosed(chunk.side) else ""
            yield seen("(FIN)" if chunk.kind == "close" else "(RST)", told)
        elif chunk.kind == "data":
            try:
                for item in self._messages.feed(chunk.side, chunk.data):
                    if isinstance(item, Frame):
                        yield seen(item.opcode.name.lower(), item.told, item)
                    elif isinstance(item, RequestHead | ResponseHead):
                        yield seen("request" if isinstance(item, RequestHead) else "response", _told(item))
            except WireError as error:
                self._messages.stop(chunk.side)
                yield seen("(broken)", str(error))


class Conversation(Log[Seen]):
    """Everything that was seen, in order."""

    def _reader(self) -> Callable[[Chunk], Iterable[Seen]]:
        return ConversationReader().take

    def of(self, side: str, conn: int | None = None) -> list[Frame]:
        """The frames that `side` sent, on one connection or (None) on all."""
        return [one.frame for one in self.seen if one.frame and one.side == side and conn in (None, one.conn)]


def _told(head: Head) -> str:
    fields = ("origin", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions")
    return " | ".join([head.start_line, *(f"{name}: {head.get(name)}" for name in fields if head.get(name))])


def websocket_view(recording: Recording) -> RecordingView:
    """The WebSockets in a recording (of `tap(server.url)`), live: an arrow for each frame, and a table.

    with tap(server.url) as t:
        ...  # a client that is connected to t.url
        websocket_view(t.recording)
    """
    return Conversation(recording).view("WebSocket", picture)


def picture(title: str, seen: list[Seen]) -> Static:
    """The first of them as a table, the first ARROWS as a picture."""
    counts = [sum(one.frame is not None and one.side == side for one in seen) for side in SIDES]
    told = f"{counts[0]:,} frame{'s' * (counts[0] != 1)} from the client, {counts[1]:,} from the server"
    return logged(title, told, seen, COLUMNS, _cells, partial(_svg, seen), "more")


def _cells(one: Seen) -> list[str]:
    bits = ["", ""] if one.frame is None else [f"{one.frame.size:,}", ", ".join(one.frame.notes)]
    return [one.what, *bits, shorten(one.told, 120)]


def _svg(seen: list[Seen], title: str, several: bool) -> Markup:
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

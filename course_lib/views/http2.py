"""The frames view: an HTTP/2 connection as a recording heard it, frame by frame, a lane for each stream.

Rule: frames come from the decoder of `wire.http2`, each byte decoded once; what one side announces (sizes) holds for
the other. A frame stands at the moment at which its last byte passed. Bytes that are no cleartext HTTP/2 end the
frames of their side, and the reason is shown. Left out: what the bodies mean, and recordings of TLS.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from course_lib.errors import WireError
from course_lib.recording import Chunk, Recording
from course_lib.views.draw import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    RED,
    Markup,
    Static,
    element,
    join,
    shorten,
    svg,
)
from course_lib.views.live import RecordingView
from course_lib.views.log import Log, logged
from course_lib.wire.http2 import FrameDecoder, Http2Frame

LANES = 60  # in the picture
COLUMNS = ("stream", "frame", "flags", "what it says")
WIDTH, LEFT, PLOT, TOP, ROW = 760, 190, 540, 58, 44
SMALL = {"font_size": 11, "fill": GREY}
# Each kind by colour and by shape: a path around (0, 0), 6 pixels either way.
MARKS = {
    "HEADERS": (BLUE, "M-5 -5h10v10h-10z"),
    "DATA": (GREEN, "M-0.8 -6h1.6v12h-1.6z"),
    "RST_STREAM": (RED, "M-6 -4l2 -2l4 4l4 -4l2 2l-4 4l4 4l-2 2l-4 -4l-4 4l-2 -2l4 -4z"),
    "GOAWAY": (RED, "M0 -6l6 6l-6 6l-6 -6z"),
    "WINDOW_UPDATE": (ORANGE, "M-5 5h10l-5 -10z"),
    "other": (PINK, "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z"),
    "the end": ("#222", "M-1.5 -8h3v16h-3z"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame, or (kind "close", "reset", "broken") the end of what one side sent; `at` in seconds."""

    at: float
    conn: int
    side: str
    frame: Http2Frame
    kind: str = "frame"
    why: str = ""


class FrameReader:
    """Both sides of one connection."""

    def __init__(self) -> None:
        self._decoders: dict[str, FrameDecoder | None] = {  # None: broken
            "client": FrameDecoder(preface=True),
            "server": FrameDecoder(),
        }

    def take(self, chunk: Chunk) -> list[Seen]:
        """What this chunk completes."""

        def seen(frame: Http2Frame, kind: str = "frame", why: str = "") -> Seen:
            return Seen(chunk.at, chunk.conn, chunk.side, frame, kind, why)

        if chunk.kind != "data":
            return [] if chunk.kind == "open" else [seen(Http2Frame(""), chunk.kind)]
        decoder = self._decoders[chunk.side]
        if decoder is None:
            return []
        found = []
        try:
            frames = decoder.feed(chunk.data)
        except WireError as error:
            frames = [frame for frame in error.finished if isinstance(frame, Http2Frame)]
            found = [seen(Http2Frame(""), "broken", str(error))]
            self._decoders[chunk.side] = None
        if other := self._decoders["server" if chunk.side == "client" else "client"]:
            for frame in frames:
                other.heed(frame.settings)
        return [*map(seen, frames), *found]


class Frames(Log[Seen]):
    """All frames of a recording, in order."""

    def _reader(self) -> Callable[[Chunk], Iterable[Seen]]:
        return FrameReader().take

    def of(self, side: str, conn: int | None = None) -> list[Http2Frame]:
        """The frames that `side` sent, on one connection or (None) on all."""
        return [
            seen.frame for seen in self.seen if (seen.kind, seen.side) == ("frame", side) and conn in (None, seen.conn)
        ]


def http2_view(recording: Recording) -> RecordingView:
    """The frames of a recording of cleartext HTTP/2 (`tap(server.url)`), live: a lane for each stream, and a table.

    with tap(server.url) as t:
        ...  # a client that speaks HTTP/2 to t.url
        http2_view(t.recording)
    """
    return Frames(recording).view("frames", picture)


def picture(title: str, seen: list[Seen]) -> Static:
    """The first of them as a table, the first LANES streams as a picture."""
    lanes: dict[tuple[int, int], list[Seen]] = {}
    for one in seen:
        lanes.setdefault((one.conn, one.frame.stream), []).append(one)
    count = sum(one.kind == "frame" for one in seen)
    streams = sum(stream > 0 for _, stream in lanes)
    told = f"{count:,} frame{'s' * (count != 1)}, {streams} stream{'s' * (streams != 1)}"
    draw = partial(_svg, dict(sorted(lanes.items())))
    return logged(title, told, seen, COLUMNS, _cells, draw, "more frames")


def _cells(one: Seen) -> list[str]:
    frame = one.frame
    if one.kind != "frame":
        return ["", {"close": "(FIN)", "reset": "(RST)", "broken": "(no HTTP/2)"}[one.kind], "", one.why]
    return [str(frame.stream), frame.type, " ".join(frame.flags), shorten(frame.told, 120)]


def _svg(lanes: dict[tuple[int, int], list[Seen]], title: str, several: bool) -> Markup:
    shown = list(lanes.items())[:LANES]
    span = max([0.1, *(one.at for _, lane in shown for one in lane)])
    height = TOP + len(shown) * ROW + 30
    parts = [element("text", title, x=14, y=22, font_size=14, font_weight="bold"), _legend()]
    for number, ((conn, stream), lane) in enumerate(shown):
        label = f"{f'#{conn} ' if several else ''}{f'stream {stream}' if stream else 'connection'}"
        parts.append(_lane(label, lane, PLOT / span, TOP + number * ROW))
    more = f", {len(lanes) - LANES} more streams left out" if len(lanes) > LANES else ""
    parts.append(element("text", f"0 to {span:.3f} seconds{more}", x=LEFT, y=height - 10, **SMALL))
    return svg(WIDTH, height, title, *parts)


def _legend() -> Markup:
    parts = []
    for number, (name, (colour, shape)) in enumerate(MARKS.items()):
        mark = element("path", d=shape, fill=colour, transform="translate(8 -4)")
        label = element("text", name, x=18, **SMALL)
        parts.append(element("g", mark, label, transform=f"translate({14 + number * 104} 42)"))
    return join(parts)


def _lane(label: str, lane: list[Seen], scale: float, top: int) -> Markup:
    """What the client sent stands above the line, what the server sent below it."""
    first = next((dict(one.frame.headers) for one in lane if one.frame.headers), {})
    asked = f"{first.get(':method', '')} {first.get(':path', '')}".strip()
    end = LEFT + max(one.at for one in lane) * scale
    parts = [
        element("text", label, x=14, y=16),
        element("text", shorten(asked, 26), x=14, y=32, **SMALL),
        element("text", "client", x=LEFT - 8, y=15, **SMALL, text_anchor="end"),
        element("text", "server", x=LEFT - 8, y=33, **SMALL, text_anchor="end"),
        element("path", d=f"M{LEFT} 20H{end:.1f}", stroke="#999"),
    ]
    drawn = set()
    for one in lane:
        names = [one.frame.type if one.frame.type in MARKS else "other"] if one.kind == "frame" else []
        names += ["the end"] if "END_STREAM" in one.frame.flags or one.kind in ("close", "reset") else []
        x, y = round(LEFT + one.at * scale), 11 if one.side == "client" else 29
        for name in names:
            if (name, x, y) not in drawn:  # more cannot be seen
                drawn.add((name, x, y))
                colour, shape = MARKS[name]
                parts.append(element("path", d=shape, fill=colour, transform=f"translate({x} {y})"))
    return element("g", *parts, transform=f"translate(0 {top})")

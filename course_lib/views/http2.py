"""The frames view: an HTTP/2 connection as a recording heard it, frame by frame, a lane for each stream.

Rule: frames come from the decoder of `wire.http2`, each byte decoded once; what one side announces (sizes) holds for
the other. A frame stands at the moment at which its last byte passed. Bytes that are no cleartext HTTP/2 end the
frames of their side, and the reason is shown. Left out: what the bodies mean, and recordings of TLS.
"""

from dataclasses import dataclass

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
    pictured,
    shorten,
    svg,
)
from course_lib.views.heard import Heard
from course_lib.views.live import RecordingView
from course_lib.wire.http2 import FrameDecoder, Http2Frame

LIMIT, LANES = 200, 60  # frames in the table, lanes in the picture
HEADER = ("seconds", "from", "stream", "frame", "flags", "what it says")
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


class Frames(Heard):
    """All frames of a recording, in order."""

    def __init__(self, recording: Recording) -> None:
        self.seen: list[Seen] = []
        self._decoders: dict[tuple[int, str], FrameDecoder | None] = {}
        super().__init__(recording)

    def of(self, side: str, conn: int | None = None) -> list[Http2Frame]:
        """The frames that `side` sent, on one connection or (None) on all."""
        return [
            seen.frame for seen in self.seen if (seen.kind, seen.side) == ("frame", side) and conn in (None, seen.conn)
        ]

    def _decoder(self, conn: int, side: str) -> FrameDecoder | None:
        return self._decoders.setdefault((conn, side), FrameDecoder(preface=side == "client"))

    def _take(self, chunk: Chunk) -> None:
        if chunk.kind == "open":
            for side in ("client", "server"):
                self._decoder(chunk.conn, side)
        elif chunk.kind != "data":
            self.seen.append(Seen(chunk.at, chunk.conn, chunk.side, Http2Frame(""), chunk.kind))
        else:
            self._decode(chunk)

    def _decode(self, chunk: Chunk) -> None:
        decoder = self._decoder(chunk.conn, chunk.side)
        if decoder is None:  # broken before
            return
        why = ""
        try:
            frames = decoder.feed(chunk.data)
        except WireError as error:
            frames, why = [frame for frame in error.finished if isinstance(frame, Http2Frame)], str(error)
            self._decoders[chunk.conn, chunk.side] = None
        other = self._decoder(chunk.conn, "server" if chunk.side == "client" else "client")
        for frame in frames:
            self.seen.append(Seen(chunk.at, chunk.conn, chunk.side, frame))
            if other is not None:
                other.heed(frame.settings)
        if why:
            self.seen.append(Seen(chunk.at, chunk.conn, chunk.side, Http2Frame(""), "broken", why))


def http2_view(recording: Recording) -> RecordingView:
    """The frames of a recording of cleartext HTTP/2 (`tap(server.url)`), live: a lane for each stream, and a table.

    with tap(server.url) as t:
        ...  # a client that speaks HTTP/2 to t.url
        http2_view(t.recording)
    """
    frames = Frames(recording)

    def state() -> Static:
        frames.update()
        return picture(recording.title, frames.seen[:])

    return RecordingView(f"frames of {recording.title or 'a recording'}", state, recording)


def picture(title: str, seen: list[Seen]) -> Static:
    """The first LIMIT frames as a table, the first LANES streams as a picture."""
    several = len({one.conn for one in seen}) > 1
    rows = [_row(one, several) for one in seen[:LIMIT]]
    if len(seen) > LIMIT:
        rows.append(["…", "", "", "", "", f"{len(seen) - LIMIT:,} more frames"])
    lanes: dict[tuple[int, int], list[Seen]] = {}
    for one in seen:
        lanes.setdefault((one.conn, one.frame.stream), []).append(one)
    count = sum(one.kind == "frame" for one in seen)
    streams = sum(stream > 0 for _, stream in lanes)
    told = f"{count:,} frame{'s' * (count != 1)}, {streams} stream{'s' * (streams != 1)}"
    heading = f"{title}: {told}" if title else told
    return pictured(heading, HEADER, rows, _svg(heading, dict(sorted(lanes.items())), several), f"Frames {heading}.")


def _row(one: Seen, several: bool) -> list[str]:
    side, frame = f"#{one.conn} {one.side}" if several else one.side, one.frame
    if one.kind != "frame":
        kind = {"close": "(FIN)", "reset": "(RST)", "broken": "(no HTTP/2)"}[one.kind]
        return [f"{one.at:.3f}", side, "", kind, "", one.why]
    return [f"{one.at:.3f}", side, str(frame.stream), frame.type, " ".join(frame.flags), shorten(frame.told, 120)]


def _svg(title: str, lanes: dict[tuple[int, int], list[Seen]], several: bool) -> Markup:
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

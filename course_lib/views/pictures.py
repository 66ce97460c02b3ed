"""The picture of a waterfall: lanes as an SVG, as a table, as text.

Rule: every lane begins at 0, the moment its request left, so that lanes compare whenever they ran.
Left out: when it is drawn (waterfall); the colours of a dark page (views.css turns those of a live picture).
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import floor, log10

from course_lib.views.draw import (
    BLUE,
    GREY,
    MONO,
    ORANGE,
    RED,
    Markup,
    Static,
    element,
    join,
    pictured,
    shorten,
    svg,
    table_html,
    visible,
)
from course_lib.views.lanes import Lane

HEADER = ("stream", "tokens", "first token", "median gap", "95 % gap", "total", "ending")
WIDTH, LEFT, PLOT, TOP, ROW = 760, 160, 480, 40, 58
SMALL, DARK = {"font_size": 11, "fill": GREY}, {"font_size": 11, "fill": "#444"}


def waterfall_static(title: str, lanes: Sequence[Lane], now: float) -> Static:
    """The lanes at time `now` (seconds on their clock)."""
    rows = [_row(lane) for lane in lanes]
    told = "; ".join(f"{row[0]}: {row[1]} tokens, first {row[2]}, total {row[5]}, {row[6]}" for row in rows)
    picture = _picture(title, lanes, now, "running")
    return pictured(title, HEADER, rows, picture, f"Waterfall {title}. {told or 'No streams yet'}.")


def waterfall_html(title: str, lanes: Sequence[Lane], now: float) -> Markup:
    """The same for a page that shows it for a moment only: lanes that run say how long."""
    rows = [_row(lane) for lane in lanes]
    return join([_picture(title, lanes, now, "{:.1f} s …"), table_html("", HEADER, rows)])


def _row(lane: Lane) -> list[str]:
    """The lane as cells under HEADER; gaps only once it has ended, as they need all of them."""
    ending = lane.told or ("running" if lane.started is not None else "not started")
    if lane.ended is None:
        first = lane.tokens[0][0] - (lane.started or 0.0) if lane.tokens else None
        return [lane.label, str(len(lane.tokens)), _seconds(first), "–", "–", "–", ending]
    numbers = lane.metrics()
    times = numbers.ttft, numbers.gap_p50, numbers.gap_p95, numbers.total
    return [lane.label, str(numbers.tokens), *map(_seconds, times), ending]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f} s"


def _picture(title: str, lanes: Sequence[Lane], now: float, running: str) -> Markup:
    span = max([0.1, *(lane.length(now) for lane in lanes)])
    scale, floor_y = PLOT / span, TOP + len(lanes) * ROW + 4
    parts = [element("text", title, x=14, y=24, font_size=14, font_weight="bold")]
    if not lanes:
        parts.append(element("text", "no streams yet", x=14, y=TOP + 6, fill=GREY))
        return svg(WIDTH, TOP + 22, f"Waterfall {title}", *parts)
    for at in _axis(span):
        x = _number(LEFT + at * scale)
        parts.append(element("path", d=f"M{x} {TOP}V{floor_y}", stroke="#ddd"))
        parts.append(element("text", f"{at:g}", x=x, y=floor_y + 14, **SMALL, text_anchor="middle"))
    place = {"x": LEFT + PLOT / 2, "y": floor_y + 29, **SMALL, "text_anchor": "middle"}
    parts.append(element("text", "seconds after the request", **place))
    for number, lane in enumerate(lanes):
        row = _lane(lane, scale, now, running)
        parts.append(element("g", *row, transform=f"translate(0 {TOP + number * ROW + 18})"))
    return svg(WIDTH, floor_y + 38, f"Waterfall {title}", *parts)


def _lane(lane: Lane, scale: float, now: float, running: str) -> list[Markup]:
    count, length = len(lane.tokens), lane.length(now)
    note = f"{f'{lane.status} · ' if lane.status else ''}{count:,} token{'s' * (count != 1)}"
    label = shorten(lane.label, 22, middle=True)  # what tells lanes apart often stands at the end
    parts = [element("text", label, x=14, y=12), element("text", note, x=14, y=28, **SMALL)]
    if lane.started is None:
        return parts
    end = _number(LEFT + length * scale)
    parts.append(element("path", d=f"M{LEFT} 8H{end}", stroke="#999"))
    parts.append(element("path", d=_ticks(lane, scale), stroke=BLUE, stroke_width=1.5, class_="ticks"))
    if lane.tokens:
        first = lane.tokens[0][0] - lane.started
        x = _number(LEFT + first * scale)
        across, anchor = (-8, "end") if x > LEFT + PLOT * 0.7 else (8, "start")
        parts.append(element("path", d=f"M{x} -1l-5 -8h10z", fill=ORANGE))
        parts.append(element("text", f"first {first:.3f} s", x=_number(x + across), y=-2, **DARK, text_anchor=anchor))
    if lane.ended is None:
        parts.append(element("text", running.format(length), x=end + 9, y=12))
    else:
        good = (lane.outcome or lane.ending) in ("complete", "closed")
        mark = f"M{end} 0v16" if good else f"M{_number(end - 5)} 3l10 10m0 -10l-10 10"
        total = f"{length:.3f} s" + ("" if lane.ending == "complete" else f" {shorten(lane.ending, 12)}")
        parts.append(element("path", d=mark, stroke="#222" if good else RED, stroke_width=4 if good else 3))
        parts.append(element("text", total, x=_number(end + 9), y=12))
    tail = visible("".join(text for _, text in lane.tokens[-100:]))[-78:]
    parts.append(element("text", tail, x=LEFT, y=30, **DARK, font_family=MONO, style="white-space:pre"))
    return parts


def _ticks(lane: Lane, scale: float) -> str:
    """One stroke per half a pixel is all that can be seen: the tokens between are skipped, not looked at."""
    began, tokens, places, i = lane.started or 0.0, lane.tokens, dict[float, None](), 0
    while i < len(tokens):
        x = round((LEFT + (tokens[i][0] - began) * scale) * 2) / 2
        places[_number(x)] = None
        i = bisect_left(tokens, (began + (x + 0.25 - LEFT) / scale,), i + 1)
    return "".join(f"M{x} 0v16" for x in places)


def _axis(span: float) -> list[float]:
    """Round numbers from 0 to `span`, four to seven of them."""
    power = 10.0 ** floor(log10(span / 4))
    step = next(n * power for n in (1, 2, 5, 10) if span / (n * power) <= 6)
    return [step * i for i in range(int(span / step * 1.001) + 1)]


def _number(value: float) -> float:
    """A coordinate as short as it can be written."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded

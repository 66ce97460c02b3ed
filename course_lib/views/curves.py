"""Curves in one plot: how one number grows with another, for a few candidates side by side.

Rule: both axes are linear and begin at 0, so that a line is a line and a square is a square. The numbers stand in
a table below the picture. Left out: everything else that a plotting library does.
"""

from collections.abc import Mapping, Sequence

from course_lib.errors import MisuseError
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
    pictured,
    svg,
)

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 480, 50, 260  # of the plot itself; names of curves stand to the right of it
COLOURS = (RED, BLUE, GREEN, ORANGE, PINK)
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 2")  # nothing is told by colour alone


def curves(title: str, x: Sequence[float], lines: Mapping[str, Sequence[float]], *, xlabel: str, unit: str) -> Static:
    """One curve per entry of `lines`, over `x`; `unit` is that of all values. Raises MisuseError for other lengths."""
    if not 1 <= len(lines) <= len(COLOURS) or not x or any(len(values) != len(x) for values in lines.values()):
        raise MisuseError(
            f"Curves need 1 to {len(COLOURS)} lines, each with as many values as x ({len(x)}); got "
            f"{ {name: len(values) for name, values in lines.items()} }. Measure every line at every x."
        )
    header = (xlabel, *(f"{name} ({unit})" for name in lines))
    rows = [[f"{at:,g}", *(f"{values[n]:.3f}" for values in lines.values())] for n, at in enumerate(x)]
    picture = _picture(title, x, lines, xlabel, unit)
    return pictured(title, header, rows, picture, f"{title}. Values in the table below.")


def _picture(title: str, x: Sequence[float], lines: Mapping[str, Sequence[float]], xlabel: str, unit: str) -> Markup:
    top = max(max(values) for values in lines.values()) or 1.0
    right = max(x) or 1.0

    def place(at: float, value: float) -> tuple[float, float]:
        return LEFT + (RIGHT - LEFT) * at / right, BOTTOM - (BOTTOM - TOP) * value / top

    parts = [
        element("text", title, x=14, y=26, font_size=14, font_weight="bold"),
        element("path", d=f"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}", fill="none", stroke=GREY),
        element("text", f"{top:.2g} {unit}", x=LEFT - 6, y=TOP + 4, text_anchor="end"),
        element("text", "0", x=LEFT - 6, y=BOTTOM + 4, text_anchor="end"),
        element("text", xlabel, x=RIGHT, y=BOTTOM + 34, text_anchor="end", font_size=11),
    ]
    last = float("-inf")
    for at in x:
        across, _ = place(at, 0)
        if across - last > 45:  # closer ones would overprint each other
            label = {"text_anchor": "middle", "font_size": 11}
            parts.append(element("text", f"{at:,g}", x=f"{across:.0f}", y=BOTTOM + 18, **label))
            last = across
    for (name, values), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        points = list(map(place, x, values))
        way = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
        stroke = {"stroke": colour, "stroke_width": 2.5, "stroke_dasharray": dash or None}
        parts.append(element("path", d=way, fill="none", **stroke))
        parts += [element("circle", cx=f"{a:.1f}", cy=f"{d:.1f}", r=3, fill=colour) for a, d in points]
        across, down = points[-1]
        parts.append(element("text", name, x=f"{across + 10:.0f}", y=f"{down + 4:.0f}", fill=colour))
    return svg(WIDTH, HEIGHT, title, *parts)

"""The bytes view: hex and text of a stream, coloured by what each byte is, with a legend.

Rule: colours are tints with dark text of their own, so that they hold on light and dark pages and in saved notebooks;
names, sizes and comments also differ in weight or slant, and every run says its role when pointed at.
Left out: bytes behind the limit (their number is said), and traffic of other connections.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from course_lib.errors import MisuseError
from course_lib.recording import SIDES, Recording
from course_lib.views.draw import MONO, Markup, Static, element, join, shorten, table_text
from course_lib.views.live import RecordingView
from course_lib.views.roles import Run, runs
from course_lib.wire import to_bytes

STYLES = {
    "status line": "background-color:#ffd27f",
    "request line": "background-color:#ffd27f",
    "header name": "background-color:#8ecbf2;font-weight:bold",
    "header value": "background-color:#d8ecfa",
    "chunk size": "background-color:#f0a8cd;font-weight:bold",
    "CRLF": "background-color:#cfcfcf",
    "field name": "background-color:#8fd9bf;font-weight:bold",
    "field value": "background-color:#e0f5ec",
    "comment": "background-color:#f3eca0;font-style:italic",
    "line end": "background-color:#e4e4e4",
    "data": "",
}
CHIP = "padding:1px 8px;margin:1px 6px 1px 0;display:inline-block"
LIMIT = 1024  # bytes shown
ROW = 16
ARROWS = {"\r": "←", "\n": "↓"}  # what a typewriter did; the control pictures are missing in many fonts
KEYS = {"data_lm_suppress_shortcuts": "true"}  # arrow keys scroll the bytes, JupyterLab leaves them alone
READ = "box-shadow:inset 2px 0 #d55e00;"


def bytes_view(source: bytes | Recording, *, side: str = "server", conn: int | None = None) -> Static | RecordingView:
    """Bytes: a picture of them. A recording: what `side` sent on `conn` (None: the first connection), live.

    A live view follows the recording as it grows; its `snapshot()` is fixed. In a recording, each read is marked.
    MisuseError for anything else.
    """
    if side not in SIDES:
        raise MisuseError(f"a side of a connection is one of {', '.join(SIDES)}; got {side!r}")
    if not isinstance(source, Recording):
        return picture(to_bytes(source))

    def state() -> Static:
        number = next(iter(source.connections), 0) if conn is None else conn
        pieces = [c.data for c in source.chunks[:] if c.side == side and c.conn == number and c.data]
        return picture(b"".join(pieces), [len(piece) for piece in pieces])

    return RecordingView("bytes", state, source)


def picture(data: bytes, reads: Sequence[int] = ()) -> Static:
    """The first LIMIT bytes of `data`; reads: lengths of the pieces in which they came."""
    shown = data[:LIMIT]
    found = runs(shown)
    starts = set(accumulate(reads[:-1], initial=0)) if reads else set[int]()
    more = f"… {len(data) - LIMIT:,} more bytes" if len(data) > LIMIT else ""
    came = f", in {len(reads):,} read{'s' * (len(reads) != 1)}" if reads else ""
    title = f"{len(data):,} byte{'s' * (len(data) != 1)}{came}"
    rows = [
        [str(run.start), run.role, str(run.end - run.start), shorten(repr(shown[run.start : run.end])[2:-1], 70)]
        for run in found
    ]
    if more:
        rows.append(["", "", "", more])
    return Static(
        table_text(title, ("offset", "role", "bytes", "text"), rows), _html(shown, found, starts, title, more)
    )


def _html(data: bytes, found: list[Run], starts: set[int], title: str, more: str) -> Markup:
    used = dict.fromkeys(run.role for run in found)
    legend = [element("span", role, style=_style(role) + CHIP) for role in used]
    if starts:
        legend.append(element("span", "a read begins", style=READ + CHIP))
    if b"\n" in data:
        legend.append(element("span", "← is CR, ↓ is LF", style=CHIP))
    cells, lines, role = _characters(data), list[Markup](), ""
    roles = {run.start: run.role for run in found}
    cuts = {at for at in starts if at < len(data)} | roles.keys()
    for row in range(0, len(data), ROW):
        end = min(row + ROW, len(data))
        hexes, texts = [], []
        for a, b in pairwise(sorted({row, end, *(at for at in cuts if row < at < end)})):
            role = roles.get(a, role)
            style = _style(role) + (READ if a in starts else "")
            hexes.append(element("span", data[a:b].hex(" "), style=style, title=role))
            texts.append(element("span", "".join(cells[a:b]), style=style, title=role))
        pad = Markup(" " * (3 * (ROW - end + row)))
        lines.append(join([Markup(f"{row:5d}  "), join(hexes, " "), pad, Markup("  "), join(texts)]))
    block = f"font-family:{MONO};font-size:12px;line-height:1.6;white-space:pre;overflow:auto;max-height:420px"
    named = {"role": "region", "aria_label": f"Bytes: {title}"}
    return element(
        "div",
        element("div", element("b", title), "  ", join(legend), style="padding:4px 0;font-size:13px;color:inherit"),
        element("pre", join(lines, "\n"), style=block, tabindex=0, **KEYS, **named),
        element("div", more, style="font-size:13px"),
    )


def _style(role: str) -> str:
    return f"{STYLES[role]};color:#111;" if STYLES[role] else ""


def _characters(data: bytes) -> list[str]:
    """One character per byte: itself, an arrow for CR and LF, or for UTF-8 the character and dots; else a dot."""
    cells: list[str] = []
    while len(cells) < len(data):
        i = len(cells)
        length = 1 + sum(data[i] >= limit for limit in (0xC0, 0xE0, 0xF0))
        try:
            character = data[i : i + length].decode()
        except UnicodeDecodeError:
            cells.append("·")
            continue
        cells += [ARROWS.get(character, character if character.isprintable() else "·"), *"·" * (length - 1)]
    return cells

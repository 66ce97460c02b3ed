"""Small helpers for pictures and tables as text: SVG, HTML and plain.

Rule: whatever is put into an element is escaped unless this module made it (`Markup`), and characters that would
hide or reorder text are shown by name. So nothing that came over a wire can become part of a page.
Left out: layout (each view does its own) and any drawing library.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

# Okabe and Ito's palette: told apart by colour-blind people. Every colour is doubled by a shape, a place or a word.
BLUE, ORANGE, GREEN, RED, PINK, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#767676"
MONO = "ui-monospace,Menlo,Consolas,monospace"


class Markup(str):
    """Text that is SVG or HTML already; made by this module only."""

    __slots__ = ()


def visible(text: str) -> str:
    """`text` with Python's escapes in place of characters that cannot be seen or that change direction."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) == "Zs":  # a space that is not U+0020, such as a no-break space
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def shorten(text: str, limit: int, *, middle: bool = False) -> str:
    """At most `limit` characters of `text`, with an ellipsis where something was left out: at the end, or before it."""
    if len(text) <= limit:
        return text
    kept = limit // 3 if middle else limit - 1
    return f"{text[:kept]}…{text[len(text) - (limit - 1 - kept) :]}"


def element(tag: str, *children: str, **attributes: Any) -> Markup:
    """`<tag attribute="...">children</tag>`, everything escaped; `font_size=` means `font-size`, `class_=` `class`."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Markup) else escape(visible(child)) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>" if inner or tag not in VOID else f"<{tag}{written}/>")


VOID = ("rect", "path", "circle", "line", "img", "input")


def join(parts: Sequence[Markup], between: str = "") -> Markup:
    """One piece of markup from several, with `between` (markup) between them."""
    return Markup(between.join(parts))


def svg(width: int, height: int, title: str, *children: Markup) -> Markup:
    """A whole picture on a light card of its own: inside an `<img>` it cannot know the theme of the page."""
    card = element("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=6, fill="#fff", stroke="#ccc")
    return element(
        "svg",
        element("title", title),
        card,
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        font_family="system-ui,sans-serif",
        font_size=12,
    )


def image(picture: Markup, alternative: str) -> Markup:
    """The picture as an `<img>` with alternative text. (Inline SVG would be taken out of untrusted notebooks.)"""
    source = "data:image/svg+xml;base64," + b64encode(picture.encode()).decode()
    return element("img", src=source, alt=alternative, style="max-width:100%;display:block")


def table_html(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], mono: bool = False) -> Markup:
    """A table with a caption; cells are text or Markup. Colours are inherited, so it fits a light and a dark page."""
    cell = f"text-align:left;vertical-align:top;padding:2px 10px;{f'font-family:{MONO}' if mono else ''}"
    head = element(
        "tr", *(element("th", name, scope="col", style="text-align:left;padding:2px 10px") for name in header)
    )
    body = (element("tr", *(element("td", value, style=cell) for value in row)) for row in rows)
    return element(
        "table",
        element("caption", caption, style="text-align:left;padding:4px 10px;font-weight:bold"),
        element("thead", head),
        element("tbody", *body),
        style="border-collapse:collapse;font-size:13px;margin:4px 0",
    )


def table_text(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as lines of text, for screen readers, terminals and comparisons."""
    return "\n".join([visible(title), columns([header, *rows])])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines of text, each column as wide as it must be."""
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


class Static:
    """What a view shows now, fixed: a picture or table that needs no scripts, and its text twin (also its repr)."""

    def __init__(self, text: str, html: Markup, picture: Markup | None = None) -> None:
        self.text, self.html, self.picture = text, html, picture

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": self.text, "text/html": str(self.html)}
        return bundle if self.picture is None else {**bundle, "image/svg+xml": str(self.picture)}

    def __repr__(self) -> str:
        return self.text


def table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    cells: Sequence[Sequence[str]] | None = None,
    *,
    mono: bool = False,
) -> Static:
    """`rows` as text and as HTML; cells: the same as Markup where the HTML shall have more than the text."""
    return Static(table_text(title, header, rows), table_html(title, header, cells or rows, mono))


def pictured(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], picture: Markup, told: str) -> Static:
    """A picture with its numbers in a table below it; told: the alternative text."""
    html = join([image(picture, told), table_html("", header, rows)])
    return Static(table_text(title, header, rows), html, picture)

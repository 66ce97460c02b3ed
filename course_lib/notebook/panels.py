"""Boxes that a notebook shows: one content as text, as HTML and, when someone is there to click, as a widget.

Rule: the text is a full twin of the box (it is what nbval compares and a screen reader reads), colours come
from JupyterLab's theme, and nothing in a box is decided here: callers pass finished sentences.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from course_lib.views.draw import columns

# Theme variables with a fallback for pages outside JupyterLab.
_EDGE = {
    "ask": "var(--jp-brand-color1, #1976d2)",
    "good": "var(--jp-success-color1, #388e3c)",
    "look": "var(--jp-warn-color1, #f57c00)",
    "info": "var(--jp-border-color1, #9e9e9e)",
}


def prose(text: str) -> str:
    """HTML of a plain sentence: escaped, `code` between backticks, *emphasis*, line breaks kept."""
    parts = re.split(r"`([^`\n]+)`", text)
    for i, part in enumerate(parts):
        escaped = html.escape(part).replace("\n", "<br>")
        if i % 2:
            parts[i] = f"<code>{escaped}</code>"
        else:
            parts[i] = re.sub(r"\*(\w[^*]*\w|\w)\*", r"<em>\1</em>", escaped)
    return "".join(parts)


def paragraphs(*texts: str) -> str:
    return "".join(f'<p style="margin:4px 0">{prose(text)}</p>' for text in texts if text)


def listing(items: list[str]) -> str:
    return '<ul style="margin:4px 0">' + "".join(f"<li>{prose(item)}</li>" for item in items) + "</ul>"


def table(head: list[str], rows: list[list[str]], caption: str) -> str:
    """An HTML table; every cell is prose."""
    cell = 'style="text-align:left; padding:2px 10px"'
    top = "".join(f'<th scope="col" {cell}>{prose(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td {cell}>{prose(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><caption>{prose(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def text_table(head: list[str], rows: list[list[str]]) -> str:
    """The same table in fixed columns."""
    return columns([head, *rows])


def box(title: str, body: str, tone: str = "info") -> str:
    """HTML of a box with a coloured edge; `body` is HTML."""
    return (
        f'<div style="border-left:4px solid {_EDGE[tone]}; padding:4px 12px; margin:4px 0; max-width:75ch">'
        f"<strong>{prose(title)}</strong>{body}</div>"
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """Something to display: `text` and `markup` (HTML) or `markdown` say the same; `widget` for someone to click."""

    text: str
    markup: str = ""
    widget: Any = None
    markdown: str = ""  # JupyterLab colours code in Markdown by its theme; in HTML it does not

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle = dict(self.widget._repr_mimebundle_()) if self.widget is not None else {}
        twins = {"text/plain": self.text, "text/html": self.markup, "text/markdown": self.markdown}
        return {**bundle, **{kind: twin for kind, twin in twins.items() if twin}}

    def show(self) -> None:
        """Display in a notebook, print elsewhere."""
        from IPython.display import display

        display(self)  # type: ignore[no-untyped-call]


def message(title: str, *texts: str, tone: str = "info") -> Panel:
    """A panel of a title and sentences."""
    return Panel("\n".join([title, *filter(None, texts)]), box(title, paragraphs(*texts), tone))

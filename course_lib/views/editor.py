"""The events editor: a text to change, and beside it the events view of that text.

Rule: a text area knows only LF, so the line end and the byte order mark are chosen beside it; the bytes of the view are
the text with those. Left out: keeping what was typed.
"""

from collections.abc import Iterable, Mapping

import traitlets

from course_lib.errors import MisuseError
from course_lib.views.draw import Markup, Static, element
from course_lib.views.events import picture
from course_lib.views.live import LiveView
from course_lib.wire.sse import BYTE_ORDER_MARK

LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
MAX_TEXT = 50_000  # characters


class EventsEditor(LiveView):
    """Made by `events_editor`. `stream` is what the view shows, as bytes."""

    preset = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    line_end = traitlets.Enum(list(LINE_ENDS), "LF").tag(sync=True)
    mark = traitlets.Bool(False).tag(sync=True)

    def __init__(self, presets: Mapping[str, str]) -> None:
        self._presets = dict(presets)
        mark = element("label", element("input", type="checkbox", name="mark"), " byte order mark")
        choices = _choice("stream", "preset", presets), _choice("lines end with", "line_end", LINE_ENDS), mark
        bar = element("div", *choices, class_="course-bar")
        area = element("textarea", name="text", aria_label="Text of the stream", spellcheck="false", rows=16)
        super().__init__(title="Lines, rules and events", controls=bar + area, preset=next(iter(presets), ""))
        self.observe(self._show, ["text", "line_end", "mark"])
        self.observe(self._load, "preset")
        self._load()
        self._show()

    @property
    def stream(self) -> bytes:
        """The bytes of the text with the chosen line ends and mark."""
        text = self.text[:MAX_TEXT].replace("\n", LINE_ENDS[self.line_end])
        return (BYTE_ORDER_MARK if self.mark else b"") + text.encode("utf-8", "replace")

    def snapshot(self) -> Static:
        """The events view of the text as it is now, fixed."""
        return picture(self.stream)

    def _load(self, _: object = None) -> None:
        text = self._presets.get(self.preset, "")
        self.line_end = next((name for name in ("CRLF", "LF", "CR") if LINE_ENDS[name] in text), "LF")
        self.text, self.mark = text.replace("\r\n", "\n").replace("\r", "\n"), False

    def _show(self, _: object = None) -> None:
        self.html = str(self.snapshot().html)


def events_editor(streams: str | bytes | Mapping[str, str | bytes]) -> EventsEditor:
    """An editor that begins with a stream; from a mapping of names to streams, with a choice of them.

    Bytes are taken as UTF-8. MisuseError above 50,000 characters.
    """
    named = streams if isinstance(streams, Mapping) else {"the stream as given": streams}
    texts = {name: s.decode("utf-8", "replace") if isinstance(s, bytes) else s for name, s in named.items()}
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise MisuseError(
                f"the stream {name!r} has {len(text):,} characters; an editor takes {MAX_TEXT:,}: give it the beginning"
            )
    return EventsEditor(texts)


def _choice(label: str, name: str, values: Iterable[str]) -> Markup:
    select = element("select", *(element("option", value, value=value) for value in values), name=name)
    return element("label", f"{label} ", select)

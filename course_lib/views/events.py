"""The events view: each line of an event stream, the rule of the standard that used it, the event that came out.

Rule: events come from the decoder of `wire.sse`, fed line by line; this module only says why (WHATWG HTML section
9.2.6). Left out: lines behind the limit (their number is said), and what the data means.
"""

import re
from dataclasses import dataclass, replace

from course_lib.recording import Recording
from course_lib.views.draw import MONO, Markup, Static, element, shorten, table, visible
from course_lib.views.lanes import Lane
from course_lib.views.live import RecordingView
from course_lib.views.timeline import Timeline
from course_lib.wire import to_bytes
from course_lib.wire.sse import BYTE_ORDER_MARK, ServerSentEvent, SSEDecoder

LIMIT = 60  # lines shown
LOOK = 100_000  # bytes looked at: a live view looks again and again
WIDTH = 72  # characters of a line shown; the middle is left out, as the token often stands near the end
HEADER = ("line", "end", "rule", "event out")
ENDS = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR", b"": "–"}
STYLES = {  # tints with dark text of their own, as in octets.py
    "data": "background-color:#8fd9bf",
    "event": "background-color:#8ecbf2",
    "id": "background-color:#f0a8cd",
    "retry": "background-color:#ffd27f",
    "blank line": "background-color:#d5d5d5",
    "comment": "background-color:#f3eca0;font-style:italic",
    "ignored": "background-color:#fff;border:1px dashed #555",
    "discarded": "background-color:#fff;border:1px solid #d55e00;text-decoration:line-through",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a stream: its bytes, its line end, the rule (a key of STYLES) with what it did, events that came."""

    line: bytes
    end: bytes
    rule: str
    effect: str
    events: tuple[ServerSentEvent, ...] = ()


def explain(data: bytes) -> list[Step]:
    """All lines of `data`, in order. Linear in its length."""
    decoder, steps, begun = SSEDecoder(max_event_size=max(1, len(data))), list[Step](), 0
    for match in re.finditer(rb"([^\r\n]*)(\r\n|\n|\r|$)", data):
        line, end = match.groups()
        if not line and not end:
            continue
        events = tuple(decoder.feed(line + end))
        first = not steps
        if not end:
            steps.append(Step(line, end, "discarded", "the stream ends inside this line"))
        elif events:
            steps.append(Step(line, end, "blank line", "dispatch the event", events))
        elif not line or (first and line == BYTE_ORDER_MARK):
            steps.append(Step(line, end, "blank line", "no data: nothing to dispatch"))
        else:
            steps.append(_field(line.removeprefix(BYTE_ORDER_MARK) if first else line, line, end))
        if steps[-1].rule == "blank line":
            begun = len(steps)
    for number in range(begun, len(steps)):  # no blank line came for these
        step = steps[number]
        if step.rule in ("data", "event", "id"):
            steps[number] = replace(step, rule="discarded", effect=f"{step.rule}, but no blank line came")
    return steps


def _field(text: bytes, line: bytes, end: bytes) -> Step:
    """What a line that is not blank does; text: the line without a byte order mark."""
    name, _, value = text.partition(b":")
    value = value.removeprefix(b" ")
    mark = "byte order mark dropped; " if text != line else ""
    match name:
        case b"":
            rule, effect = "comment", "ignored"
        case b"data":
            rule, effect = "data", "appended to the data"
        case b"event":
            rule, effect = "event", "sets the type"
        case b"id" if b"\0" not in value:
            rule, effect = "id", "sets the last event ID"
        case b"id":
            rule, effect = "ignored", "id with a NUL"
        case b"retry" if re.fullmatch(rb"[0-9]+", value):
            rule, effect = "retry", "sets the reconnection time"
        case b"retry":
            rule, effect = "ignored", "retry that is not all digits"
        case _:
            rule, effect = "ignored", f"no field is called {shorten(_text(name), 20)!r}"
    return Step(line, end, rule, mark + effect)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _told(event: ServerSentEvent) -> str:
    last = f", id {event.id!r}" if event.id else ""
    return shorten(visible(f"{event.event}: {event.data!r}{last}"), WIDTH, middle=True)


def events_view(source: bytes | str | Recording) -> Static | RecordingView:
    """The lines of an event stream. Of a recording: of its first answer, live. MisuseError for anything else."""
    if not isinstance(source, Recording):
        return picture(source.encode("utf-8", "replace") if isinstance(source, str) else to_bytes(source))
    timeline = Timeline(source)

    def state() -> Static:
        timeline.update()
        lane = timeline.lanes[0] if timeline.lanes else Lane("")
        return picture(bytes(lane.body), lane.told)

    return RecordingView("events", state, source)


def picture(data: bytes, ending: str = "") -> Static:
    """The first LIMIT lines of `data` as a table; how the answer ended, if that is known."""
    steps = explain(data[:LOOK])
    count = sum(len(step.events) for step in steps)
    title = f"{len(steps)} line{'s' * (len(steps) != 1)}, {count} event{'s' * (count != 1)}"
    title += f", ending: {ending}" if ending else ""
    rest = f"… {len(steps) - LIMIT:,} more lines" if len(steps) > LIMIT else ""
    rest += f", and {len(data) - LOOK:,} bytes behind them" if len(data) > LOOK else ""
    rows, cells = [], []
    for step in steps[:LIMIT]:
        line = shorten(visible(_text(step.line)), WIDTH, middle=True)
        out = "; ".join(_told(event) for event in step.events)
        rows.append([line, ENDS[step.end], f"{step.rule}: {step.effect}", out])
        label = element("span", step.rule, style=STYLES[step.rule] + ";color:#111;padding:0 6px")
        rule = element("span", label, f" {step.effect}", style="white-space:nowrap")
        cells.append([_mono(line), ENDS[step.end], rule, _mono(out, "background-color:#d8ecfa;color:#111;")])
    lines = table(title, HEADER, rows, cells)
    html = element("div", lines.html, element("div", rest), style="overflow:auto;max-height:480px")
    return Static(f"{lines.text}\n{rest}" if rest else lines.text, html)


def _mono(text: str, style: str = "") -> Markup:
    return element("span", text, style=f"{style}font-family:{MONO};white-space:pre-wrap;overflow-wrap:anywhere")

"""Parsers side by side: what each makes of the same bytes when they come in reads of another size.

Rule: every parser runs here, once per size, on a list of reads; what it yields before an exception counts, then the
exception is shown in its place. Tokens are aligned with the expected ones: lost, there, or extra.
Left out: time limits (a parser that never ends blocks the cell, and is interrupted like any other).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, partial
from itertools import groupby
from typing import NamedTuple

import traitlets

from course_lib.errors import MisuseError
from course_lib.views.bodies import token_of
from course_lib.views.draw import Markup, Static, element, shorten, table, visible
from course_lib.views.live import LiveView
from course_lib.wire.sse import SSEDecoder

Parser = Callable[[list[bytes]], Iterable[str]]
MAX_BYTES = 100_000


class Outcome(NamedTuple):
    """What one parser did: ["there", "lost" or "extra"; token] in order, how many are there, its exception or ""."""

    pieces: list[list[str]]
    right: int
    error: str

    @property
    def extra(self) -> int:
        """Number of tokens that were never sent."""
        return sum(kind == "extra" for kind, _ in self.pieces)


class CompareParsers(LiveView):
    """Made by `compare_parsers`: everything is computed before it is shown, and the slider chooses."""

    chosen = traitlets.Int().tag(sync=True)  # number of a size

    def __init__(self, names: list[str], total: int, results: dict[int, list[Outcome]]) -> None:
        self.names, self.total, self.results = names, total, results
        slider = element("input", type="range", name="chosen", min=0, max=len(results) - 1, step=1)
        controls = element("div", element("label", "bytes per read ", slider), class_="course-bar")
        super().__init__(title="Parsers side by side", controls=controls, chosen=len(results) // 4)
        self.observe(self._show, "chosen")
        self._show()

    def snapshot(self) -> Static:
        """A table of all sizes: how many tokens each parser found, or its exception."""
        rows = []
        for told, group in groupby(self.results, lambda size: [self._told(one) for one in self.results[size]]):
            first, *others = group  # neighbouring sizes with the same outcome share a row
            rows.append([f"{first} to {others[-1]}" if others else str(first), *told])
        cells = [[row[0], *(self._coloured(cell) for cell in row[1:])] for row in rows]
        title = f"{self.total} tokens, {len(self.names)} parsers"
        return table(title, ["bytes per read", *map(visible, self.names)], rows, cells)

    def _told(self, outcome: Outcome) -> str:
        parts = [f"{outcome.right} of {self.total}", f"{outcome.extra} never sent" if outcome.extra else ""]
        return ", ".join(filter(None, [*parts, outcome.error]))

    def _coloured(self, told: str) -> Markup:
        right = told == f"{self.total} of {self.total}"
        style = f"background-color:{'#8fd9bf' if right else '#ffc9a8'};color:#111;padding:0 6px"
        return element("span", told, style=style)

    def _show(self, _: object = None) -> None:
        size = list(self.results)[self.chosen]
        kinds = {"there": "found", "lost": "lost", "extra": "never sent"}
        legend = (element("span", text, class_=f"course-{kind}") for kind, text in kinds.items())
        chosen = element("span", f"{size} byte{'s' * (size != 1)}")
        bar = element("div", chosen, element("span", *legend, class_="course-legend"), class_="course-bar")
        columns = map(self._column, self.names, self.results[size])
        self.html = bar + element("div", *columns, class_="course-columns")

    def _column(self, name: str, outcome: Outcome) -> Markup:
        pieces, right, error = outcome
        never = f", {outcome.extra} never sent" if outcome.extra else ""
        good = right == self.total and not never and not error
        told = f"✓ all {right} tokens" if good else f"✗ {right} of {self.total} tokens{never}"
        tokens = (
            element("del" if kind == "lost" else "span", text, class_=f"course-{kind}", title=kind)
            for kind, text in pieces
        )
        parts = [element("h4", name), element("p", told), element("div", *tokens, class_="course-tokens")]
        if error:
            parts.append(element("pre", error, class_="course-error"))
        return element("section", *parts, aria_label=name)


def compare_parsers(data: bytes, parsers: Mapping[str, Parser], sizes: Sequence[int] = range(1, 65)) -> CompareParsers:
    """Run each parser on `data` cut into reads of every size (bytes) and show the tokens beside each other.

    A parser takes a list of reads and returns, or yields, the texts of tokens. The right ones are those of the
    course's own decoder. MisuseError without parsers, above 100,000 bytes, or for sizes below 1.
    """
    if not parsers or not sizes or min(sizes) < 1 or len(data) > MAX_BYTES:
        raise MisuseError(
            f"compare_parsers() takes at least one parser, sizes of at least 1 byte and up to {MAX_BYTES:,} bytes of "
            f"data; got {len(parsers)} parsers, {len(sizes)} sizes, {len(data):,} bytes"
        )
    expected = tuple(text for event in SSEDecoder().feed(data) if (text := token_of(event.data)))
    align = cache(partial(_align, expected))  # most sizes give what a size before them gave
    results = {}
    for size in sizes:
        reads = [data[i : i + size] for i in range(0, len(data), size)]
        results[size] = [align(*_run(parser, list(reads))) for parser in parsers.values()]
    return CompareParsers(list(parsers), len(expected), results)


def _run(parser: Parser, reads: list[bytes]) -> tuple[tuple[str, ...], str]:
    got: list[str] = []
    try:
        got.extend(map(str, parser(reads)))
    except Exception as problem:  # whatever a learner's parser raises is the lesson
        return tuple(got), shorten(visible(f"{type(problem).__name__}: {problem}"), 120)
    return tuple(got), ""


def _align(expected: tuple[str, ...], got: tuple[str, ...], error: str) -> Outcome:
    pieces: list[list[str]] = []
    right = 0
    for kind, a, b, c, d in SequenceMatcher(None, expected, got, autojunk=False).get_opcodes():
        right += (b - a) * (kind == "equal")
        pieces += [["there" if kind == "equal" else "lost", visible(token)] for token in expected[a:b]]
        if kind != "equal":
            pieces += [["extra", shorten(visible(token), 60)] for token in got[c:d]]
    return Outcome(pieces, right, error)

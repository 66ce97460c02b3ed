"""Fault plans: what goes wrong, and where, as plain data that reads and prints as text.

    cut@5, stall@3:2s      slow_start:1s      status@0:429      cut@5*1      cut@2-30, seed:7      split:1, merge:500ms

Rule: a plan does nothing by itself. Token faults are played by apps (`apps.play`), which know what a token is;
byte faults by hops (`hops.play`). `@N` means after N tokens (or bytes) were sent, `@N-M` at a place that the seed
draws for each answer, `:` gives a value, `*N` limits a fault to the first N answers (of a hop: connections).

    cut@5          FIN in the middle, no proper end         split:1      pieces of 1 byte; split:1-8: 1 to 8
    reset@5        RST after 5 tokens (of a hop: bytes)     split_utf8   a cut before each further byte of a character
    truncate@6     a proper end without the terminator      split_crlf   a cut between CR and LF
    error@4        an error inside the stream               merge:500ms  what came in 500 ms leaves at once
    garble@2       an event that is not JSON                drop@4096    FIN after 4096 bytes
    status@0:429   an error status, no stream               reset@4096   RST after 4096 bytes
    slow_start:1s  the first token is late                  stall@3:2s   2 s of silence, after tokens or bytes

Left out: damaged bytes; TCP delivers what was sent, or an end.
"""

import random
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from course_lib.errors import FaultSyntaxError, MisuseError


class Kind(NamedTuple):
    """What a fault is made of: `@N` or not, the sort of its value, who plays it, an example."""

    placed: bool
    value: str  # "", "duration", "status" or "size"
    layers: tuple[str, ...]
    example: str


FAULTS = {
    "cut": Kind(True, "", ("token",), "cut@5"),
    "reset": Kind(True, "", ("token", "byte"), "reset@5"),
    "truncate": Kind(True, "", ("token",), "truncate@6"),
    "stall": Kind(True, "duration", ("token", "byte"), "stall@3:2s"),
    "status": Kind(True, "status", ("token",), "status@0:429"),
    "error": Kind(True, "", ("token",), "error@4"),
    "garble": Kind(True, "", ("token",), "garble@2"),
    "slow_start": Kind(False, "duration", ("token",), "slow_start:1s"),
    "split": Kind(False, "size", ("byte",), "split:1 or split:1-8"),
    "split_utf8": Kind(False, "", ("byte",), "split_utf8"),
    "split_crlf": Kind(False, "", ("byte",), "split_crlf"),
    "merge": Kind(False, "duration", ("byte",), "merge:500ms"),
    "drop": Kind(True, "", ("byte",), "drop@4096 or drop@1-4096"),
}
_WRITTEN = re.compile(r"([^@:*]+)(?:@(\d{1,9})(?:-(\d{1,9}))?)?(?::([^@:*]+))?(?:\*(\d{1,9}))?", re.ASCII)
_SEED = re.compile(r"seed:(-?\d{1,99})", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})(?:\.(\d{1,3}))?(ms|s)", re.ASCII)
LARGEST = 999_999_999  # what can be written: nine digits


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `value` is in milliseconds, a status, or bytes.

    `most` and `until` are the upper ends of the ranges of `value` and `at`.
    """

    name: str
    at: int | None = None
    value: int | None = None
    most: int | None = None
    times: int | None = None
    until: int | None = None

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise FaultSyntaxError(f"there is no fault {self.name!r}; there are {_catalogue()}")
        kind = FAULTS[self.name]
        low = {"status": 400, "size": 1}.get(kind.value, 0)
        high = 599 if kind.value == "status" else LARGEST
        if not all(map(_is_number, (self.at, self.until, self.value, self.most, self.times))):
            raise FaultSyntaxError(f"the numbers of a fault are whole, from 0 to {LARGEST}, as in cut@5; got {self!r}")
        value = self.value
        wrong = {
            f"{self.name} needs a place, @N": kind.placed and self.at is None,
            f"{self.name} has no place, no @N": not kind.placed and self.at is not None,
            "a status is set before anything is sent, @0": self.name == "status" and (self.at, self.until) != (0, None),
            "a range of places is @FIRST-LAST": self.until is not None
            and (self.at is None or not self.at < self.until),
            f"{self.name} needs a value, a {kind.value}": kind.value and value is None,
            f"{self.name} has no value": not kind.value and value is not None,
            f"the {kind.value} is {low} to {high}": value is not None and not low <= value <= high,
            "a range is split:LEAST-MOST": self.most is not None
            and (kind.value != "size" or value is None or not value < self.most),
            "*N counts answers from 1": self.times == 0,
        }
        problem = next((text for text, found in wrong.items() if found), "")
        if problem:
            raise FaultSyntaxError(f"{problem}; write it like {kind.example}, got {str(self)!r}")

    @property
    def seconds(self) -> float:
        """The value of a duration."""
        return (self.value or 0) / 1000

    def drawn(self, seed: str) -> "Fault":
        """The same fault at one place of its range."""
        if self.at is None or self.until is None:
            return self
        place = random.Random(seed).randint(self.at, self.until)  # noqa: S311 - reproducible on purpose, no secret
        return replace(self, at=place, until=None)

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value}"
        if self.value is not None and FAULTS[self.name].value == "duration":
            value = f":{self.value // 1000}s" if self.value % 1000 == 0 else f":{self.value}ms"
        place = "" if self.at is None else f"@{self.at}" + ("" if self.until is None else f"-{self.until}")
        most = "" if self.most is None else f"-{self.most}"
        return f"{self.name}{place}{value}{most}" + ("" if self.times is None else f"*{self.times}")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in the order in which they were written, and the seed of what they leave open.

    `FaultPlan.parse(str(plan)) == plan`; a seed is written as `seed:7`.
    """

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(self.faults))  # of a list, too
        if not all(isinstance(fault, Fault) for fault in self.faults) or type(self.seed) is not int:
            raise FaultSyntaxError(f"a plan is made of Faults and a whole number; got {self!r}; parse() reads text")
        names = [fault.name for fault in self.faults if not FAULTS[fault.name].placed]
        for name in set(names):
            if names.count(name) > 1:
                raise FaultSyntaxError(f"{name} can be given once, got {str(self)!r}; leave one of them out")

    @classmethod
    def parse(cls, text: str) -> "FaultPlan":
        """Read faults separated by commas; an empty text is the empty plan. FaultSyntaxError says what exists."""
        if not isinstance(text, str):
            raise FaultSyntaxError(f"a fault plan is text such as 'cut@5, stall@3:2s', got {text!r}")
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        seeds = [int(found[1]) for part in parts if (found := _SEED.fullmatch(part))]
        if len(seeds) > 1:
            raise FaultSyntaxError(f"a plan has one seed, got {text!r}; leave one of them out")
        return cls(tuple(_read(part) for part in parts if not _SEED.fullmatch(part)), *seeds)

    def for_answer(self, number: int) -> "FaultPlan":
        """The faults that hold for answer (or connection) `number`, counted from 0, each at one place.

        A place out of a range depends on the plan's seed, the number and the fault's position only.
        """
        plan = enumerate(self.faults)
        return FaultPlan(
            tuple(f.drawn(f"{self.seed}/{number}/{index}") for index, f in plan if f.times is None or number < f.times)
        )

    def of(self, name: str) -> list[Fault]:
        """The faults called `name`, by place."""
        return sorted((f for f in self.faults if f.name == name), key=lambda fault: fault.at or 0)

    def __str__(self) -> str:
        return ", ".join([*map(str, self.faults), *([f"seed:{self.seed}"] if self.seed else [])])


def plan_for(layer: str, faults: FaultPlan | str | None) -> FaultPlan:
    """A plan from a plan, its text or None; MisuseError if `layer` ("token" or "byte") cannot play a fault in it."""
    plan = faults if isinstance(faults, FaultPlan) else FaultPlan.parse("" if faults is None else faults)
    for fault in plan.faults:
        if layer not in FAULTS[fault.name].layers:
            home = "an app, create_app(faults=...)" if layer == "byte" else "a hop, chaos(url, faults=...)"
            raise MisuseError(f"{str(fault)!r} is no {layer} fault: give it to {home}; here: {_catalogue(layer)}")
    return plan


def _is_number(value: object) -> bool:
    """Whether it can be written, or is absent."""
    return value is None or (type(value) is int and 0 <= value <= LARGEST)


def parse_duration(text: str) -> int:
    """Milliseconds of `2s`, `1.5s` or `500ms`; nothing finer than a millisecond. FaultSyntaxError otherwise."""
    found = _DURATION.fullmatch(text.strip())
    if not found or (found[3] == "ms" and found[2]):
        raise FaultSyntaxError(f"a duration is written like 2s, 1.5s or 500ms, got {text!r}")
    return int(found[1]) if found[3] == "ms" else int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))


def _catalogue(layer: str = "") -> str:
    return ", ".join(kind.example for kind in FAULTS.values() if not layer or layer in kind.layers)


def _read(text: str) -> Fault:
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise FaultSyntaxError(f"{text!r} is no fault; a fault is NAME@PLACE:VALUE*TIMES, there are {_catalogue()}")
    name, place, until, value, times = found.groups()
    number, most = None, None
    if value is not None and name in FAULTS:
        if FAULTS[name].value == "duration":
            number = parse_duration(value)
        else:
            least, dash, upper = value.partition("-")
            if not re.fullmatch(r"\d{1,9}(-\d{1,9})?", value, re.ASCII):
                raise FaultSyntaxError(f"{text!r}: expected a number after ':', as in {FAULTS[name].example}")
            number, most = int(least), int(upper) if dash else None
    at, last, limit = (int(digits) if digits else None for digits in (place, until, times))
    return Fault(name, at, number, most, limit, last)

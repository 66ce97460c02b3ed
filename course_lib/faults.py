"""Fault plans: what goes wrong, and where, as plain data that reads and prints as text.

    cut@5, stall@3:2s      slow_start:1s      status@0:429      cut@5*1      split:1, merge:500ms

Rule: a plan does nothing by itself. Token faults are played by apps, which know what a token is; byte
faults by hops, through `ByteFaults`, a machine without socket, sleep or clock: bytes and the time go in,
`Send`, `Wait` and `Close` come out, the same for the same seed. `@N` means after N tokens (or bytes) were
sent, `:` gives a value, `*N` limits a fault to the first N answers (of a hop: connections).
Left out: damaged bytes; TCP delivers what was sent, or an end.
"""

import random
import re
from dataclasses import dataclass
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
    "reset": Kind(True, "", ("token",), "reset@5"),
    "truncate": Kind(True, "", ("token",), "truncate@6"),
    "stall": Kind(True, "duration", ("token", "byte"), "stall@3:2s"),
    "status": Kind(True, "status", ("token",), "status@0:429"),
    "error": Kind(True, "", ("token",), "error@4"),
    "garble": Kind(True, "", ("token",), "garble@2"),
    "slow_start": Kind(False, "duration", ("token",), "slow_start:1s"),
    "split": Kind(False, "size", ("byte",), "split:1 or split:1-8"),
    "merge": Kind(False, "duration", ("byte",), "merge:500ms"),
    "drop": Kind(True, "", ("byte",), "drop@4096"),
}
_WRITTEN = re.compile(r"([^@:*]+)(?:@(\d{1,9}))?(?::([^@:*]+))?(?:\*(\d{1,9}))?", re.ASCII)
_DURATION = re.compile(r"(\d{1,6})(?:\.(\d{1,3}))?(ms|s)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `value` is in milliseconds, a status, or bytes (`most`: the upper end of a range)."""

    name: str
    at: int | None = None
    value: int | None = None
    most: int | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise FaultSyntaxError(f"there is no fault {self.name!r}; there are {_catalogue()}")
        kind = FAULTS[self.name]
        low = {"status": 400, "size": 1}.get(kind.value, 0)
        high = {"status": 599, "": -1}.get(kind.value, 10**9)
        value = self.value
        wrong = {
            f"{self.name} needs a place, @N": kind.placed and self.at is None,
            f"{self.name} has no place, no @N": not kind.placed and self.at is not None,
            "a status is set before anything is sent, @0": self.name == "status" and self.at != 0,
            f"{self.name} needs a value, a {kind.value}": kind.value and value is None,
            f"{self.name} has no value": not kind.value and value is not None,
            f"the {kind.value} is {low} to {high}": value is not None and not low <= value <= high,
            "a range is split:LEAST-MOST": self.most is not None
            and (kind.value != "size" or value is None or not value < self.most <= high),
            "*N counts answers from 1": self.times is not None and self.times < 1,
        }
        problem = next((text for text, found in wrong.items() if found), "")
        if problem:
            raise FaultSyntaxError(f"{problem}; write it like {kind.example}, got {str(self)!r}")

    @property
    def seconds(self) -> float:
        """The value of a duration."""
        return (self.value or 0) / 1000

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value}"
        if self.value is not None and FAULTS[self.name].value == "duration":
            value = f":{self.value // 1000}s" if self.value % 1000 == 0 else f":{self.value}ms"
        place = "" if self.at is None else f"@{self.at}"
        most = "" if self.most is None else f"-{self.most}"
        return f"{self.name}{place}{value}{most}" + ("" if self.times is None else f"*{self.times}")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in the order in which they were written. `FaultPlan.parse(str(plan)) == plan`."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        names = [fault.name for fault in self.faults if not FAULTS[fault.name].placed]
        for name in set(names):
            if names.count(name) > 1:
                raise FaultSyntaxError(f"{name} can be given once, got {str(self)!r}; leave one of them out")

    @classmethod
    def parse(cls, text: str) -> "FaultPlan":
        """Read faults separated by commas; an empty text is the empty plan. FaultSyntaxError says what exists."""
        if not isinstance(text, str):
            raise FaultSyntaxError(f"a fault plan is text such as 'cut@5, stall@3:2s', got {text!r}")
        return cls(tuple(_read(part.strip()) for part in text.split(","))) if text.strip() else cls()

    def for_answer(self, number: int) -> "FaultPlan":
        """The faults that hold for answer (or connection) `number`, counted from 0."""
        return FaultPlan(tuple(f for f in self.faults if f.times is None or number < f.times))

    def of(self, name: str) -> list[Fault]:
        """The faults called `name`, by place."""
        return sorted((f for f in self.faults if f.name == name), key=lambda fault: fault.at or 0)

    def __str__(self) -> str:
        return ", ".join(map(str, self.faults))


def plan_for(layer: str, faults: FaultPlan | str | None) -> FaultPlan:
    """A plan from a plan, its text or None; MisuseError if `layer` ("token" or "byte") cannot play a fault in it."""
    plan = faults if isinstance(faults, FaultPlan) else FaultPlan.parse("" if faults is None else faults)
    for fault in plan.faults:
        if layer not in FAULTS[fault.name].layers:
            home = "an app, create_app(faults=...)" if layer == "byte" else "a hop, chaos(url, faults=...)"
            raise MisuseError(f"{str(fault)!r} is no {layer} fault: give it to {home}; here: {_catalogue(layer)}")
    return plan


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
        raise FaultSyntaxError(f"{text!r} is no fault; a fault is NAME@N:VALUE*TIMES, there are {_catalogue()}")
    name, place, value, times = found.groups()
    number, most = None, None
    if value is not None and name in FAULTS:
        if FAULTS[name].value == "duration":
            number = parse_duration(value)
        else:
            least, dash, upper = value.partition("-")
            if not re.fullmatch(r"\d{1,9}(-\d{1,9})?", value, re.ASCII):
                raise FaultSyntaxError(f"{text!r}: expected a number after ':', as in {FAULTS[name].example}")
            number, most = int(least), int(upper) if dash else None
    return Fault(name, int(place) if place else None, number, most, int(times) if times else None)


class Send(NamedTuple):  # write these bytes, in one write
    data: bytes


class Wait(NamedTuple):  # nothing may leave before this time: call `tick` then
    until: float


class Close(NamedTuple):  # end the connection here
    pass


class ByteFaults:
    """Plays the byte faults of one connection. Times are seconds of any one clock.

    `feed`, `tick` and `end` return what to do now; a `Wait` comes last. All that was fed is sent once and in order,
    up to a `drop`. `held` is the number of bytes kept back: stop feeding while it is high. Cuts have their places
    in the stream, however the bytes come in; where fed bytes end there is one more.
    """

    def __init__(self, plan: FaultPlan, seed: int = 0) -> None:
        plan_for("byte", plan)
        self._split = next(iter(plan.of("split")), None)
        self._merge = next(iter(plan.of("merge")), None)
        self._drop = next((fault.at for fault in plan.of("drop")), None)
        self._stalls = [(fault.at or 0, fault.seconds) for fault in plan.of("stall")]
        self._rng = random.Random(seed)  # noqa: S311 - reproducible on purpose, no secret
        self._pending = bytearray()
        self._sent = 0
        self._to_cut = 0  # bytes to the next cut
        self._not_before = 0.0  # end of a stall
        self._flush_at: float | None = None  # end of the window that merge collects in
        self._ended = self._closed = False

    @property
    def held(self) -> int:
        return len(self._pending)

    def feed(self, data: bytes, now: float) -> list[Send | Wait | Close]:
        """Bytes that came from the server at `now`."""
        if data and not self._closed:
            if self._merge and not self._pending:
                self._flush_at = now + self._merge.seconds
            self._pending += data
        return self.tick(now)

    def end(self, now: float) -> list[Send | Wait | Close]:
        """The server has ended: send what is held, then close (after a stall that is still due)."""
        self._ended = True
        return self.tick(now)

    def tick(self, now: float) -> list[Send | Wait | Close]:
        """What may leave at `now`."""
        doing: list[Send | Wait | Close] = []
        while not self._closed:
            if self._sent == self._drop or (self._ended and not self._pending):
                self._closed = True
                self._pending.clear()
                doing.append(Close())
            elif not self._pending:
                break
            elif self._stalls and self._stalls[0][0] <= self._sent:
                self._not_before = max(now, self._not_before) + self._stalls.pop(0)[1]
            elif (until := self._held_until()) > now:
                doing.append(Wait(until))
                break
            else:
                doing += self._release()
        return doing

    def _held_until(self) -> float:
        merging = self._flush_at if self._flush_at is not None and not self._ended else 0.0
        return max(self._not_before, merging)

    def _release(self) -> list[Send | Wait | Close]:
        """Send up to the next place where something happens."""
        places = [place - self._sent for place, _ in self._stalls[:1]]
        places += [self._drop - self._sent] if self._drop is not None else []
        size = min([len(self._pending), *places])
        data = bytes(self._pending[:size])
        del self._pending[:size]
        self._sent += size
        pieces: list[Send | Wait | Close] = []
        while data:
            if self._to_cut == 0:
                self._to_cut = self._piece_size()
            pieces.append(Send(data[: self._to_cut]))
            data, self._to_cut = data[self._to_cut :], max(0, self._to_cut - len(data))
        return pieces

    def _piece_size(self) -> int:
        if self._split is None or self._split.value is None:
            return 2**62
        return self._rng.randint(self._split.value, self._split.most or self._split.value)

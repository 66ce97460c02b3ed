"""Byte faults, played: what a hop does to the bytes of a server, without socket, sleep or clock.

Rule: bytes and the time go in, actions come out, the same for the same seed. All that was fed is sent once and in
order, up to a `drop` or `reset`. Left out: requests, which pass as they are.
"""

import random
import re
from dataclasses import replace
from itertools import pairwise

from course_lib.faults import FaultPlan, plan_for
from course_lib.hops.actions import Action, Close, Forward, Send, Wait

# Where bytes fed at once are cut further: before each byte of a character but its first (RFC 3629), between CR and LF.
# A character that comes in two feeds is cut already.
INSIDE = {"split_utf8": re.compile(rb"(?=[\x80-\xbf])"), "split_crlf": re.compile(rb"(?<=\r)(?=\n)")}


class ByteFaults:
    """Plays the byte faults of one connection. Times are seconds of any one clock.

    `feed`, `tick` and `end` return what to do now; a `Wait` comes last. `held` is the number of bytes kept back:
    stop feeding while it is high. Cuts have their places in the stream, however the bytes come in; where fed bytes
    end there is one more. MisuseError for a fault that is not a byte fault.

        ByteFaults(FaultPlan.parse("split:2")).feed(b"abc", 0.0) == [Send(b"ab"), Send(b"c")]
    """

    waiting = 0

    def __init__(self, plan: FaultPlan, seed: int = 0) -> None:
        seed += plan.seed
        plan = replace(plan_for("byte", plan), seed=seed).for_answer(0)
        self._split = next(iter(plan.of("split")), None)
        self._merge = next(iter(plan.of("merge")), None)
        self._inside = [pattern for name, pattern in INSIDE.items() if plan.of(name)]
        ends = [(fault.at, fault.name == "reset") for name in ("drop", "reset") for fault in plan.of(name)]
        self._last, self._reset = min(ends, default=(None, False))
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

    def asked(self, data: bytes, now: float) -> list[Action]:
        """Bytes that came from the client."""
        return [Forward(data)]

    def unreachable(self, now: float) -> list[Action]:
        """There is no server."""
        return [Close()]

    def feed(self, data: bytes, now: float) -> list[Action]:
        """Bytes that came from the server at `now`."""
        if data and not self._closed:
            if self._merge and not self._pending:
                self._flush_at = now + self._merge.seconds
            self._pending += data
        return self.tick(now)

    def end(self, now: float) -> list[Action]:
        """The server has ended: send what is held, then close (after a stall that is still due)."""
        self._ended = True
        return self.tick(now)

    def tick(self, now: float) -> list[Action]:
        """What may leave at `now`."""
        doing: list[Action] = []
        while not self._closed:
            broken = self._sent == self._last
            if broken or (self._ended and not self._pending):
                self._closed = True
                self._pending.clear()
                doing.append(Close(reset=broken and self._reset))
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

    def _release(self) -> list[Action]:
        """Send up to the next place where something happens."""
        places = [place - self._sent for place, _ in self._stalls[:1]]
        places += [self._last - self._sent] if self._last is not None else []
        size = min([len(self._pending), *places])
        data = bytes(self._pending[:size])
        del self._pending[:size]
        self._sent += size
        cuts = {size, *(found.start() for pattern in self._inside for found in pattern.finditer(data))}
        while self._to_cut <= size:
            cuts.add(self._to_cut)
            self._to_cut += self._piece_size()
        self._to_cut -= size
        edges = sorted(cuts | {0})
        return [Send(data[start:end]) for start, end in pairwise(edges)]

    def _piece_size(self) -> int:
        if self._split is None or self._split.value is None:
            return 2**62
        return self._rng.randint(self._split.value, self._split.most or self._split.value)

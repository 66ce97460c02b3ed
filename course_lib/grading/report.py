"""What came out of grading, as plain data and as text.

Rule: points come from the checks that were declared, not from those that ran. The text says how far
it went ("8 of 8 visible; hidden not run"), never "all passed". Left out: other formats (formats).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from course_lib.grading.exercises import Exercise

FAILED = "failed"  # of a check
NOT_ATTEMPTED, NOT_YET, CORRECT = "not attempted", "not yet", "correct"
MORE = "The visible checks show a part of the task. Others judge the rest: go through its other cases yourself."
_UNSTEADY = (
    (re.compile(r"0x[0-9a-fA-F]{6,16}\b"), "0x..."),
    (re.compile(r"(127\.0\.0\.1|localhost):\d{2,5}\b"), r"\1:PORT"),
    (re.compile(r"/[\w/.-]*/course-(stage-)?\w{8}\b"), "/tmp"),  # noqa: S108
)


@dataclass(frozen=True)
class CheckResult:
    """One check: passed, failed, not attempted, or error (the check could not be run)."""

    name: str
    behaviour: str
    hidden: bool
    points: int
    max_points: int
    outcome: str
    message: str = ""
    category: str = ""  # what kind of failure: all that is told about a hidden check
    calls: list[list[str]] = field(default_factory=list)  # [call, what came of it], oldest first
    expected: str = ""
    got: str = ""
    where: str = ""
    printed: str = ""
    notes: str = ""


@dataclass(frozen=True)
class ExerciseResult:
    """All declared checks of one exercise, in the order of their declaration."""

    id: str
    read: str
    checks: list[CheckResult]
    hidden_run: bool = False
    unchanged: bool = False  # the starter as it was given

    @property
    def points(self) -> int:
        return sum(check.points for check in self.checks)

    @property
    def max_points(self) -> int:
        return sum(check.max_points for check in self.checks)

    @property
    def outcome(self) -> str:
        if self.checks and all(check.outcome == "passed" for check in self.checks):
            return CORRECT
        untouched = self.unchanged or all(c.outcome == NOT_ATTEMPTED for c in self.checks if not c.hidden)
        return NOT_ATTEMPTED if untouched and not self.points else NOT_YET

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ExerciseResult":
        return cls(**{**data, "checks": [CheckResult(**check) for check in data["checks"]]})

    def summary(self) -> str:
        """One line: `parse_sse_stream: not yet, 4 of 6 visible points; hidden not run`."""
        visible = [check for check in self.checks if not check.hidden]
        got, most = sum(c.points for c in visible), sum(c.max_points for c in visible)
        if not self.hidden_run:
            so_far = " so far" if self.outcome == CORRECT else ""
            return f"{self.id}: {self.outcome}{so_far}, {got} of {most} visible points; hidden not run"
        hidden = [check for check in self.checks if check.hidden]
        points = f"{sum(c.points for c in hidden)} of {sum(c.max_points for c in hidden)} hidden"
        return f"{self.id}: {self.outcome}, {got} of {most} visible points; {points}"


def collect(
    exercise: Exercise,
    ran: Mapping[str, list[CheckResult]],
    hidden: bool,
    reason: str = "this check did not run",
    outcome: str = "error",
) -> ExerciseResult:
    """The declared checks with what happened to them. A parametrised check counts once: all its cases must pass.

    A check that did not run has `outcome` for `reason`.
    """
    results = []
    for check in exercise.checks:
        if check.hidden and not hidden:
            continue
        cases = ran.get(check.name, [])
        worst = next((case for case in cases if case.outcome != "passed"), cases[0] if cases else None)
        if worst is None:
            category = "the code could not run" if outcome == FAILED else "the check did not run"
            worst = CheckResult(check.name, check.behaviour, check.hidden, 0, 0, outcome, reason, category)
        earned = check.points if worst.outcome == "passed" else 0
        declared = {name: getattr(check, name) for name in ("name", "behaviour", "hidden", "notes")}
        results.append(replace(worst, points=earned, max_points=check.points, **declared))
    return ExerciseResult(exercise.id, exercise.read, results, hidden)


def explain(check: CheckResult, read: str) -> list[tuple[str, str]]:
    """(label, text) of what a learner needs to see about a failed check. A hidden check tells its category only."""
    if check.hidden:
        return [("what", check.category), ("read on", read)]
    rows: list[tuple[str, str]] = []
    if check.message:
        rows.append(("what", check.message))
    if check.calls:
        rows.append(("input", "\n".join(call for call, _ in _last_calls(check))))
    if check.expected:
        rows.append(("expected", check.expected))
    if check.got:
        rows.append(("got", check.got))
    if check.where:
        rows.append(("in your code", check.where))
    if check.printed:
        rows.append(("printed", _short(check.printed)))
    rows.append(("read on", read))
    if check.notes:
        rows.append(("note", check.notes))
    return rows


def as_entry(result: ExerciseResult) -> dict[str, Any]:
    """The result as the plain data that every report is made of. Nothing in it differs from run to run."""
    checks = [
        {
            "name": check.name,
            "behaviour": check.behaviour,
            "hidden": check.hidden,
            "points": check.points,
            "max_points": check.max_points,
            "outcome": check.outcome,
            "message": _message(check, result.read),
        }
        for check in result.checks
    ]
    return {
        "id": result.id,
        "points": result.points,
        "max_points": result.max_points,
        "outcome": result.outcome,
        "hidden_run": result.hidden_run,
        "summary": result.summary(),
        "checks": checks,
    }


def _message(check: CheckResult, read: str) -> str:
    if check.outcome == "passed":
        return ""
    if check.outcome == NOT_ATTEMPTED and not check.hidden:
        return steady(check.message)
    return steady("\n".join(f"{label}: {text}" for label, text in explain(check, read)))


def steady(text: str) -> str:
    """Without what differs from run to run: addresses in memory, ports, temporary folders."""
    for pattern, instead in _UNSTEADY:
        text = pattern.sub(instead, text)
    return text


def _short(text: str, lines: int = 6, width: int = 200) -> str:
    """The beginning of what was printed: enough to recognise it."""
    kept = [line if len(line) <= width else line[:width] + " ..." for line in text.splitlines()]
    return "\n".join(kept if len(kept) <= lines else [*kept[:lines], f"... {len(kept) - lines} lines more"])


def _last_calls(check: CheckResult) -> list[list[str]]:
    """The calls on the last object that was made, or else the last call."""
    calls = check.calls
    for place in range(len(calls) - 1, -1, -1):
        if calls[place][1].startswith("gave <"):
            return calls[place:][-8:]
    return calls[-1:]


def as_text(result: ExerciseResult, after: str = "") -> str:
    """The verdict as plain text: all checks in a line each, the first that failed in full."""
    lines = [result.summary()]
    if result.outcome == NOT_ATTEMPTED:
        message = next((check.message for check in result.checks if check.message and not check.hidden), "")
        return "\n".join([*lines, f"  {message}"] if message else lines)
    explained = False
    for check in result.checks:
        mark = "ok " if check.outcome == "passed" else "-- "
        lines.append(f"  {mark} {check.behaviour}{' (hidden)' if check.hidden else ''}")
        if check.outcome != "passed" and not explained:
            explained = True
            for label, text in explain(check, result.read):
                first, *rest = text.splitlines() or [""]
                lines.append(f"        {label + ':':13} {first}")
                lines += [f"        {'':13} {line}" for line in rest]
    if result.outcome == CORRECT and not result.hidden_run:
        lines += ["", MORE]
    if result.outcome == CORRECT and after:
        lines += ["", after]
    return "\n".join(lines)


def not_run(exercise: Exercise, hidden: bool, why: str) -> ExerciseResult:
    """No points for code that could not be asked anything; every check says why."""
    return collect(exercise, {}, hidden, why, FAILED)

"""Questions and answers of one check: with a deadline, noted, and never more than values or exceptions.

Rule: plain values come back strict (values.strict), exceptions as built-in types; whatever else happens over
there is an `Ended`. Every question is noted, so that a failing check can show the exact input.
Left out: what a check sees (proxy), and what is right (the checks).
"""

import builtins
import math
import time
from dataclasses import dataclass, field
from typing import Any

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading.hosts import Control
from course_lib.grading.pipe import Pipe
from course_lib.grading.reach import ports_in
from course_lib.grading.values import Handle, load, strict

DEADLINE = 5.0  # seconds for a call; generous, because a right program must never miss it
AFTER_A_MISS = 1.0  # ... once the submission has missed one
NO_ANSWER = "what came back is no answer"


class NotThere(Exception):
    """The submission does not define the name that the exercise asks for."""


class Ended(Exception):
    """The submission's process ended, or its answer could not be used. `category` is what a hidden check tells."""

    category = "an answer that cannot be used"


class NoAnswer(Ended):
    """It took too long."""

    category = "no answer in time"


class ProcessEnded(Ended):
    """It is gone."""

    category = "the process ended"


@dataclass
class Log:
    """What a check asked so far: shown when it fails."""

    calls: list[tuple[str, str]] = field(default_factory=list)  # (call, what came of it)
    printed: str = ""
    where: str = ""
    changed: bool = False
    missed: bool = False  # a deadline was missed: set once for the whole submission

    def note(self, call: str, outcome: str) -> None:
        self.calls.append((call, outcome))
        del self.calls[:-20]


def shown(value: Any, limit: int = 400) -> str:
    """A value as a learner reads it: its literal, cut in the middle when it is long."""
    try:
        if isinstance(value, (str, bytes)) and len(value) > 3 * limit:  # quick for a text of megabytes
            cut = f" ...{len(value) - limit:,} more... "
            return f"{value[: limit // 2]!r}{cut}{value[-limit // 2 :]!r}"
        text = repr(value)
    except (ValueError, RecursionError):  # integers beyond Python's limit of digits
        return f"<a {type(value).__name__} too large to show>"
    return clipped(text, limit)


def clipped(text: str, limit: int) -> str:
    """The text, without its middle when it is long."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} ...{len(text) - limit:,} characters more... {text[-limit // 2 :]}"


class Channel:
    """Questions and answers of one check."""

    def __init__(
        self, pipe: Pipe, deadline: float, log: Log, control: Control | None = None, until: float = math.inf
    ) -> None:
        self.pipe, self.deadline, self.log, self.control, self.until = pipe, deadline, log, control, until
        self.dead: Ended | None = None

    def ask(self, shown_as: str, reaching: Any = None, **question: Any) -> dict[str, Any]:
        if self.dead:
            raise self.dead
        seconds = min(self.deadline, AFTER_A_MISS) if self.log.missed else self.deadline
        seconds = max(min(seconds, self.until - time.monotonic()), 0.001)
        try:
            taken = [port for port in ports_in(reaching) if self.control and not self.control.reach(port)]
            if taken:
                raise Ended(f"your code itself listens on 127.0.0.1:{taken[0]}, where a server of the check is waiting")
            self.pipe.send(question, seconds)
            answer = self.pipe.receive(seconds)
        except DeadlineExceeded:
            self.log.missed = True
            self.dead = NoAnswer(f"no answer within {self.deadline:g} s: does the code loop, or wait for something?")
        except PipeError:
            self.dead = ProcessEnded(
                "the process of your code ended during this call (an exit, a crash, or too much memory)"
            )
        if self.dead:
            self.log.note(shown_as, str(self.dead))
            raise self.dead
        if not isinstance(answer, dict):
            raise Ended(NO_ANSWER)
        self.log.where = ""  # the line of an exception that was expected says nothing about what comes later
        self.log.printed = (self.log.printed + str(answer.get("printed", "")))[:2000]
        self.log.changed = bool(answer.get("changed"))
        return answer

    def value(self, shown_as: str, **question: Any) -> Any:
        """Asks, and gives the answer's value (strict), its handle, or raises its exception."""
        answer = self.ask(shown_as, **question)
        if answer.get("stop") and question["op"] == "next":  # elsewhere it would end a loop of the check
            self.log.note(shown_as, "gave nothing more")
            raise StopIteration
        return self.given(shown_as, "gave", answer)

    def given(self, shown_as: str, verb: str, answer: dict[str, Any]) -> Any:
        """The value (strict) or handle in an answer, or its exception, raised."""
        if "ok" in answer:
            value = self.loaded(answer["ok"])
            self.log.note(shown_as, f"{verb} {shown(value)}")
            return value
        if "missing" in answer:
            raise NotThere(_missing(answer))
        if "fault" in answer:
            self.log.note(shown_as, str(answer["fault"])[:500])
            raise Ended(str(answer["fault"])[:500])
        error = rebuilt(answer.get("raise"))
        self.log.where = _where(answer)
        self.log.note(shown_as, f"raised {type(error).__name__}: {error}")
        raise error

    @staticmethod
    def loaded(raw: Any) -> Any:
        """A value from the other side. Nonsense is an Ended: a check that expects an OSError must not be pleased."""
        try:
            value = load(raw)
        except PipeError as error:
            raise Ended(str(error)) from error
        return value if isinstance(value, Handle) else strict(value)


def _missing(answer: dict[str, Any]) -> str:
    text = f"the name {str(answer['missing'])[:200]!r} is not defined: run the cell that defines it first"
    problems = answer.get("problems")
    if isinstance(problems, list) and problems:
        text += "; " + "; ".join(str(problem)[:500] for problem in problems[:3])
    return text


def _where(answer: dict[str, Any]) -> str:
    described = answer.get("raise")
    return str(described.get("where", ""))[:300] if isinstance(described, dict) else ""


def rebuilt(described: Any) -> Exception:
    """The exception of the other side, as its nearest built-in type. Never a SystemExit or the like."""
    if not isinstance(described, dict) or not isinstance(described.get("bases"), list):
        return Ended(NO_ANSWER)
    name, message = str(described.get("type"))[:100], str(described.get("message", ""))[:2000]
    bases = [getattr(builtins, str(base), None) for base in described["bases"]]
    # A group cannot be made without the exceptions in it: it counts as its next base, Exception
    kinds = [base for base in bases if isinstance(base, type) and issubclass(base, BaseException)]
    kinds = [kind for kind in kinds if not issubclass(kind, BaseExceptionGroup)]
    if not kinds or not issubclass(kinds[0], Exception):
        ends = {"SystemExit": "called exit()", "KeyboardInterrupt": "raised KeyboardInterrupt"}
        return Ended(f"your code {ends.get(name, message or 'raised ' + name)}")
    kind = kinds[0]
    if issubclass(kind, (StopIteration, StopAsyncIteration)):
        kind = RuntimeError
    # UnicodeDecodeError and its like want five arguments: made without their constructor
    error: Any = type(name if name.isidentifier() else kind.__name__, (kind,), {"__str__": lambda self: message})
    made: Exception = error.__new__(error)
    made.args = (message,)
    return made

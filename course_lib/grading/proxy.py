"""`submission`: the code under judgement as a check sees it, from another process.

Rule: a call is one question and one answer on the pipe, with a deadline; plain values come back
strict (values.strict), exceptions as built-in types, everything else as a proxy of what stays there.
Every call is noted, so that a failing check can show the exact input. Left out: who starts the
other process (hosts), and what is right (the checks).
"""

import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading.pipe import Pipe
from course_lib.grading.values import Handle, dump, load, strict

DEADLINE = 5.0  # seconds for a call; generous, because a right program must never miss it
AFTER_A_MISS = 1.0  # ... once the submission has missed one


class NotThere(Exception):
    """The submission does not define the name that the exercise asks for."""


class Ended(Exception):
    """The submission's process ended, or its answer could not be used."""


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
        text = repr(value)
    except (ValueError, RecursionError):  # integers beyond Python's limit of digits
        return f"<a {type(value).__name__} too large to show>"
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} ...{len(text) - limit:,} characters more... {text[-limit // 2 :]}"


class Channel:
    """Questions and answers of one check."""

    def __init__(self, pipe: Pipe, deadline: float, log: Log) -> None:
        self.pipe, self.deadline, self.log = pipe, deadline, log
        self.dead = ""

    def ask(self, shown_as: str, **question: Any) -> dict[str, Any]:
        if self.dead:
            raise Ended(self.dead)
        seconds = min(self.deadline, AFTER_A_MISS) if self.log.missed else self.deadline
        try:
            self.pipe.send(question, seconds)
            answer = self.pipe.receive(seconds)
        except DeadlineExceeded:
            self.log.missed = True
            self.dead = f"no answer within {self.deadline:g} s: does the code loop, or wait for something?"
        except PipeError:
            self.dead = "the process of your code ended during this call (an exit, a crash, or too much memory)"
        if self.dead:
            self.log.note(shown_as, self.dead)
            raise Ended(self.dead)
        if not isinstance(answer, dict):
            raise Ended("what came back is no answer")
        self.log.where = ""  # the line of an exception that was expected says nothing about what comes later
        self.log.printed = (self.log.printed + str(answer.get("printed", "")))[:2000]
        self.log.changed = bool(answer.get("changed"))
        return answer

    def value(self, shown_as: str, **question: Any) -> Any:
        """Asks, and turns the answer into a value, a proxy or an exception."""
        answer = self.ask(shown_as, **question)
        if "ok" in answer:
            value = self.proxied(answer["ok"])
            self.log.note(shown_as, f"gave {shown(value)}")
            return value
        if answer.get("stop"):
            self.log.note(shown_as, "gave nothing more")
            raise StopIteration
        if "missing" in answer:
            raise NotThere(_missing(answer))
        if "fault" in answer:
            self.log.note(shown_as, str(answer["fault"]))
            raise Ended(str(answer["fault"]))
        error = rebuilt(answer.get("raise"))
        self.log.where = _where(answer)
        self.log.note(shown_as, f"raised {type(error).__name__}: {error}")
        raise error

    def proxied(self, raw: Any) -> Any:
        try:
            value = load(raw)
        except PipeError as error:  # a check that expects an OSError must not be pleased by nonsense
            raise Ended(str(error)) from error
        if not isinstance(value, Handle):
            return strict(value)
        return Iteration(self, value) if value.kind == "iterator" else Remote(self, value)


def _missing(answer: dict[str, Any]) -> str:
    text = f"the name {answer['missing']!r} is not defined: run the cell that defines it first"
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
        return Ended("what came back is no answer")
    name, message = str(described.get("type"))[:100], str(described.get("message", ""))[:2000]
    bases = [getattr(builtins, str(base), None) for base in described["bases"]]
    kinds = [base for base in bases if isinstance(base, type) and issubclass(base, BaseException)]
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


class Remote:
    """An object that stays on the other side: its methods are calls, its attributes questions."""

    def __init__(self, channel: Channel, handle: Handle, name: str = "") -> None:
        self.__dict__.update(_channel=channel, _handle=handle, _name=name or handle.type.lower(), _methods=set())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._methods:
            shown_as = f"{self._name}.{name}"
            answer = self._channel.ask(shown_as, op="attribute", on=self._handle.number, name=name)
            if "method" not in answer:
                if "ok" in answer:
                    value = self._channel.proxied(answer["ok"])
                    self._channel.log.note(shown_as, f"is {shown(value)}")
                    return value
                error = rebuilt(answer.get("raise"))
                self._channel.log.note(shown_as, f"raised {type(error).__name__}: {error}")
                raise error
            self._methods.add(name)
        return Function(self._channel, self._handle.number, name, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Function(self._channel, self._handle.number, None, self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self._handle)


class Function:
    """Something that can be called over there."""

    def __init__(self, channel: Channel, on: int | None, name: str | None, shown_as: str) -> None:
        self.channel, self.on, self.name, self.shown_as = channel, on, name, shown_as

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        listed = [shown(arg) for arg in args] + [f"{key}={shown(arg)}" for key, arg in kwargs.items()]
        return self.channel.value(
            f"{self.shown_as}({', '.join(listed)})",
            op="call",
            on=self.on,
            name=self.name,
            args=[_sent(arg) for arg in args],
            kwargs={key: _sent(arg) for key, arg in kwargs.items()},
        )


def _sent(arg: Any) -> Any:
    if isinstance(arg, (Remote, Iteration)):
        return dump(arg._handle)
    return dump(_plain(arg))


def _plain(value: Any) -> Any:
    """Answers may be passed on: a strict value becomes plain again."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    base = getattr(type(value), "_plain", None)
    return base(value) if base else value


class Iteration:
    """An iterator, or an async one, on the other side."""

    def __init__(self, channel: Channel, handle: Handle) -> None:
        self._channel, self._handle = channel, handle

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._channel.value(f"next({self._handle.type})", op="next", on=self._handle.number)

    def close(self) -> None:
        self._channel.value(f"{self._handle.type}.close()", op="close", on=self._handle.number)

    def __repr__(self) -> str:
        return repr(self._handle)


class Submission:
    """The fixture `submission`: its attributes are the names that the learner's code defines."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return Function(self._channel, None, name, name)


def each(function: Function, items: list[Any]) -> list[Any]:
    """Calls `function` once per item in one trip; the results, in order. An exception ends it and is raised."""
    channel = function.channel
    shown_as = f"{function.shown_as}(...) for each of {shown(items)}"
    result: list[Any] = channel.value(
        shown_as, op="each", on=function.on, name=function.name, items=[_sent(item) for item in items]
    )
    return result


def arguments_changed(submission: Submission) -> bool:
    """True when the last call changed one of its list or dict arguments in place."""
    return submission._channel.log.changed


def shorten_httpx_default(submission: Submission, seconds: float = 0.4) -> None:
    """Lowers httpx's default read timeout for this check: a silence longer than the default then costs little."""
    submission._channel.value("(a shorter httpx default)", op="lower_httpx_default", seconds=seconds)

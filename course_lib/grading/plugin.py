"""The pytest plugin: the fixtures of the checks, and reports in a learner's words.

Rule: checks are ordinary pytest functions; what makes them grade is the fixture `submission`.
`pytest exercises` runs the visible checks on the learner's own notebooks, `--submission FILE` on any
file. Left out: points (report) and how the other process runs (hosts).
"""

import random
import time
import zlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import PipeError
from course_lib.grading.channel import DEADLINE, Channel, Ended, Log, NotThere, clipped, shown
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.hosts import ChildHost, Control
from course_lib.grading.loading import load
from course_lib.grading.peers import Peer
from course_lib.grading.proxy import Submission
from course_lib.grading.report import NOT_ATTEMPTED, CheckResult, ExerciseResult, collect, explain
from course_lib.grading.submissions import read_submissions

MAX_TEXT = 4000  # characters of a check's own words: it may put into them whatever it was given
BUDGET = 60.0  # seconds for all checks of one exercise; a right program needs one or two


class Run:
    """One pytest run over checks: where submissions come from, and what the checks gave."""

    def __init__(self, submission: Path | None = None, seed: int = 0) -> None:
        self.submission, self.seed = submission, seed
        self.control: Control | None = None  # set by the judge; None: this run loads the submissions itself
        self.course: Course | None = None
        self.hosts: dict[str, ChildHost] = {}
        self.missed: set[str] = set()  # exercises whose code has missed a deadline
        self.spent: dict[str, float] = {}  # exercise -> seconds that its checks have taken
        self.results: dict[str, dict[str, list[CheckResult]]] = {}
        self.log = Log()
        self.compared: tuple[str, str, str] | None = None

    def exercise(self, item: pytest.Item) -> Exercise:
        if self.course is None:
            self.course = Course.find(item.path.parent)
        return self.course.exercise(item.path.stem.removeprefix("test_"))

    def control_for(self, exercise: Exercise) -> Control:
        if self.control is not None:
            return self.control
        path = self.submission or exercise.notebook
        if not path.exists():
            pytest.fail(f"no submission: {path.name} does not exist", pytrace=False)
        if exercise.id not in self.hosts:
            assert self.course is not None
            submission = read_submissions([path], self.course, exercise)[0]
            if submission.error:
                pytest.fail(submission.error, pytrace=False)
            self.hosts[exercise.id] = load(submission, exercise)
        host = self.hosts[exercise.id]
        return Control(host.pipe, host.closed)


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("course", "course exercises")
    group.addoption("--submission", type=Path, help="notebook or module to judge, instead of the one in exercises/")
    group.addoption("--seed", type=int, default=0, help="seed of the random inputs (default 0)")


def pytest_configure(config: pytest.Config) -> None:
    if RUN not in config.stash:
        config.stash[RUN] = Run(config.getoption("--submission"), config.getoption("--seed"))


def pytest_unconfigure(config: pytest.Config) -> None:
    for host in config.stash[RUN].hosts.values() if RUN in config.stash else ():
        host.stop()


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[Submission]:
    """The code under judgement, in a fresh copy of its process."""
    run = request.config.stash[RUN]
    exercise = run.exercise(request.node)
    run.log, run.compared = Log(missed=exercise.id in run.missed), None
    control = run.control_for(exercise)
    pipe = control.session()
    seconds = getattr(getattr(request.node, "function", None), "deadline_seconds", DEADLINE)
    until = time.monotonic() + BUDGET - run.spent.get(exercise.id, 0.0)
    channel = Channel(pipe, seconds, run.log, control, until)
    yield Submission(channel)
    pipe.close()
    control.end_sessions()
    run.spent[exercise.id] = BUDGET - (until - time.monotonic())
    if run.log.missed:
        run.missed.add(exercise.id)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A scripted raw server on loopback, for exercises that are clients."""
    server = Peer()
    yield server
    server.stop()
    for failure in server.failures:
        raise failure


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that depend on the run's seed and the check's name only."""
    return random.Random(f"{request.config.stash[RUN].seed}:{zlib.crc32(request.node.name.encode())}")  # noqa: S311


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Comparisons of what the submission gave are noted, and shown by us.

    Not by the hook pytest_assertrepr_compare: pytest would still make its own diff, which takes minutes for two
    long lists, and makes it even when quiet where the variable CI is set.
    """
    from _pytest.assertion import util

    run, theirs = item.config.stash[RUN], util._reprcompare

    def compared(op: str, left: Any, right: Any) -> str | None:
        if not run.log.calls:
            return theirs(op, left, right) if theirs else None
        run.compared = (op, shown(left), shown(right))
        return f"{shown(left)} {op} {shown(right)}"

    if "submission" in getattr(item, "fixturenames", ()):
        util._reprcompare = compared
    yield  # pytest itself takes it back after each item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report: Any = yield
    if "submission" not in getattr(item, "fixturenames", ()):
        return report
    if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
        run = item.config.stash[RUN]
        exercise = run.exercise(item)
        name = getattr(item, "originalname", item.name)
        declared = next((check for check in exercise.checks if check.name == name), None)
        result = _result(name, declared.behaviour if declared else name, call, run)
        run.results.setdefault(exercise.id, {}).setdefault(name, []).append(result)
        if report.failed:
            lines = [result.behaviour, *(f"{label}: {text}" for label, text in explain(result, exercise.read))]
            report.longrepr = "\n".join(lines) if result.outcome == "failed" else f"{result.outcome}: {result.message}"
    return report


def _result(name: str, behaviour: str, call: pytest.CallInfo[None], run: Run) -> CheckResult:
    def result(outcome: str, message: str = "", **more: Any) -> CheckResult:
        return CheckResult(name, behaviour, False, 0, 0, outcome, clipped(message, MAX_TEXT), **more)

    if call.excinfo is None:
        return result("passed")
    error = call.excinfo.value
    log = run.log
    seen: dict[str, Any] = {
        "calls": [list(pair) for pair in log.calls],
        "got": log.calls[-1][1] if log.calls else "",
        "where": log.where,
        "printed": log.printed,
    }
    if isinstance(error, NotThere):
        return result(NOT_ATTEMPTED, category="the name is not defined", message=str(error))
    if isinstance(error, NotImplementedError):
        text = "it raises NotImplementedError: write your code in place of that line"
        return result(NOT_ATTEMPTED, category="not written yet", message=text)
    if isinstance(error, Ended):
        return result("failed", category=error.category, **{**seen, "message": str(error), "got": ""})
    if isinstance(error, pytest.fail.Exception):
        text = str(error)
        if text.startswith("DID NOT RAISE"):
            wanted = text.removeprefix("DID NOT RAISE").strip().removeprefix("<class '").removesuffix("'>")
            return result("failed", category="no error where one was expected", expected=f"raises {wanted}", **seen)
        outcome = "error" if call.when == "setup" else "failed"
        return result(outcome, category="a wrong answer", message=text, **seen)
    if isinstance(error, AssertionError):
        message = str(error).partition("\nassert ")[0]
        if message.startswith("assert "):
            message = ""
        if run.compared is not None:
            op, left, right = run.compared
            seen |= {"got": left, "expected": right if op == "==" else f"{op} {right}"}
        return result("failed", category="a wrong answer", message=message, **seen)
    if call.when == "setup":
        why = str(error) if isinstance(error, PipeError) else f"{type(error).__name__}: {error}"
        return result("error", category="the check could not begin", message=why)
    message = "" if log.where else f"the check could not go on: {type(error).__name__}: {error}"
    return result("failed", category="an error where none was expected", message=message, **seen)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None or not run.results or run.course is None:
        return
    terminalreporter.section("exercises")
    for id in run.results:
        terminalreporter.write_line(_collected(run, id).summary())


def _collected(run: Run, id: str) -> ExerciseResult:
    assert run.course is not None
    exercise = run.course.exercise(id)
    hidden = any(check.hidden and check.name in run.results.get(id, {}) for check in exercise.checks)
    untouched = id in run.hosts and id in run.hosts[id].unchanged
    return replace(collect(exercise, run.results.get(id, {}), hidden), unchanged=untouched)

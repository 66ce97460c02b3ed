"""`check(id)`: a verdict on the code in this notebook, from a judge in another process.

Rule: it displays and never raises; the kernel is never at risk, because a forked copy of it runs the
learner's code while the judge asks. Only nbgrader gets a value back: the points, since it gives full marks to a
cell that returns nothing. Left out: what is right (the checks), hints and solutions (show).
"""

import inspect
import linecache
import os
import sys
import threading
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading import judge
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.hosts import ForkedHost
from course_lib.grading.report import CORRECT, MORE, NOT_ATTEMPTED, CheckResult, ExerciseResult, as_text, explain
from course_lib.grading.starter import unchanged
from course_lib.notebook.panels import Panel, box, listing, message, paragraphs
from course_lib.notebook.paths import exercise_of
from course_lib.notebook.store import store_of

# The judge takes a third of a second to start: that happens while the learner reads.
threading.Thread(target=judge.judge, name="course-judge-start", daemon=True).start()


def check(id: str) -> int | None:
    """Judges `id` as this notebook defines it now, shows the verdict and records it.

    Returns None; under nbgrader the visible points earned (0 when it could not run), and nothing is recorded.
    """
    by_nbgrader, earned = "NBGRADER_EXECUTION" in os.environ, 0
    try:
        exercise = exercise_of(Course.find(), id)
        result = verdict(exercise, _names())
        earned = result.points
        if not by_nbgrader:
            _record(exercise, result)
        panel(exercise, result).show()
    except KeyboardInterrupt:
        message("The check was interrupted.", "Nothing was recorded; run the cell again.", tone="look").show()
    except CourseError as error:
        message("This check could not run.", str(error), tone="look").show()
    except Exception as error:  # a fault of ours must not look like a fault of the learner
        message(
            "This check could not run: a fault of the course.", f"{type(error).__name__}: {error}", tone="look"
        ).show()
    return earned if by_nbgrader else None


def verdict(exercise: Exercise, names: dict[str, Any]) -> ExerciseResult:
    """The result of the visible checks on the object that `names` holds under the exercise's id."""
    if unchanged(exercise, _source(names.get(exercise.id))):
        return _untouched(exercise)
    ready = judge.judge()  # before the fork: a copy made while it starts would hold its pipes open
    with ForkedHost(names, exercise.uses) as host:
        return ready.verdict(exercise, host)


def _untouched(exercise: Exercise) -> ExerciseResult:
    text = "the starter is unchanged: write your code in its place"
    checks = [
        CheckResult(c.name, c.behaviour, False, 0, c.points, NOT_ATTEMPTED, text)
        for c in exercise.checks
        if not c.hidden
    ]
    return ExerciseResult(exercise.id, exercise.read, checks)


def _source(value: Any) -> str | None:
    """The cell that defines a function or class. A class of a notebook knows no file, but its methods do."""
    if issubclass(type(value), type):  # isinstance asks the object itself
        method = next((member for member in vars(value).values() if inspect.isfunction(member)), None)
        return "".join(linecache.getlines(method.__code__.co_filename)) if method else None
    try:
        return inspect.getsource(value)
    except (Exception, SystemExit):  # no function; or an object that answers every question in its own way
        return None


def _names() -> dict[str, Any]:
    """The notebook's names; outside IPython those of the module that called check()."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        names: dict[str, Any] = shell.user_ns
        return names
    return sys._getframe(2).f_globals


def _record(exercise: Exercise, result: ExerciseResult) -> None:
    store = store_of(Course(exercise.root))
    store.record_check(exercise.id, result.outcome, points=result.points, max_points=result.max_points)


def panel(exercise: Exercise, result: ExerciseResult) -> Panel:
    """The verdict as text and HTML: a line per check, and all that is known about the first that failed."""
    after = exercise.after if result.outcome == CORRECT else ""
    tone = {CORRECT: "good", NOT_ATTEMPTED: "info"}.get(result.outcome, "look")
    if result.outcome == NOT_ATTEMPTED:
        body = paragraphs(next((c.message for c in result.checks if c.message), ""))
    else:
        body = listing([("✓ " if c.outcome == "passed" else "✗ ") + c.behaviour for c in result.checks])
        failed = next((c for c in result.checks if c.outcome != "passed"), None)
        if failed is not None:
            body += "<hr>" + paragraphs(f"The first that fails: {failed.behaviour}") + _rows(failed, result.read)
        if result.outcome == CORRECT:
            body += paragraphs(MORE, *after.split("\n\n"))
    return Panel(as_text(result, after), box(result.summary(), body, tone))


def _rows(failed: CheckResult, read: str) -> str:
    import html

    cell = 'style="text-align:left; vertical-align:top; padding:2px 10px"'
    rows = "".join(
        f'<tr><th scope="row" {cell}>{label}</th>'
        f'<td {cell}><pre style="margin:0; white-space:pre-wrap; background:none">{html.escape(text)}</pre></td></tr>'
        for label, text in explain(failed, read)
    )
    return f"<table>{rows}</table>"

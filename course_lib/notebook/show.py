"""hint, solution, reset and progress in a notebook.

Rule: they display and never raise; a wrong id shows the close ones, a fault of ours is one line.
Left out: check (check), and the working of reset (starters) and progress (summary).
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from course_lib.errors import CourseError
from course_lib.grading.exercises import Course
from course_lib.notebook.attendance import attendance
from course_lib.notebook.panels import Panel, message
from course_lib.notebook.paths import exercise_of
from course_lib.notebook.starters import answer_source, reset_exercise
from course_lib.notebook.store import store_of
from course_lib.notebook.summary import progress_panel

P = ParamSpec("P")


def _displays(function: Callable[P, Panel]) -> Callable[P, None]:
    """Show the panel that `function` returns, and every error as a panel."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            panel = function(*args, **kwargs)
        except CourseError as error:
            panel = message(function.__name__, str(error), tone="look")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            panel = message(function.__name__, f"This is a fault of the course, not yours: {said}", tone="look")
        panel.show()

    return wrapper


@_displays
def hint(id: str) -> Panel:
    """Show the next of three hints for exercise `id`; after the third, all of them."""
    course = Course.find()
    exercise = exercise_of(course, id)
    id = exercise.id
    if attendance.one_of_many():  # "Run All" is no call for help
        return message(f"Hints for {id}", "There are three. Run this cell by itself for the first one.")
    store = store_of(course)
    seen = store.help()[id].hints if id in store.help() else 0
    number = min(seen + 1, 3)
    store.hint_shown(id, number)
    if seen >= 3:
        hints = [f"{n}. {text}" for n, text in enumerate(exercise.hints, 1)]
        return message(f"All hints for {id}", *hints, f"Still stuck? Read {exercise.read}; then solution({id!r}).")
    more = (
        "Run this cell again for the next one." if number < 3 else f"That was the last one. Read on: {exercise.read}."
    )
    return message(f"Hint {number} of 3 for {id}", exercise.hints[number - 1], more)


@_displays
def solution(id: str, show: bool = False) -> Panel:
    """Show the course's answer to exercise `id`; for one that was never tried only with `show=True`."""
    course = Course.find()
    exercise = exercise_of(course, id)
    id = exercise.id
    source = answer_source(exercise)
    if source is None:
        text = "This copy of the course has no folder solutions/. Ask whoever gave you the course."
        return message(f"No solution of {id} here", text)
    store = store_of(course)
    checked = store.checks().get(id)
    if not show and (checked is None or checked.attempts == 0):
        first = f"An answer teaches little before a try. hint({id!r}) helps."
        return message(f"You have not tried {id} yet", first, f"To see it all the same: solution({id!r}, show=True)")
    store.solution_shown(id)
    return Panel(f"One solution of {id}\n\n{source}", markdown=f"**One solution of {id}**\n\n```python\n{source}\n```")


@_displays
def reset(id: str) -> Panel:
    """Put the starter of exercise `id` back into its notebook; the code that was there is kept as a file."""
    course = Course.find()
    exercise = exercise_of(course, id)
    kept = reset_exercise(course, exercise)
    saved = f"Your code was kept as {kept}." if kept else "It was the starter already."
    return message(
        f"{exercise.id} starts again", saved, "Now choose File > Reload Notebook from Disk to see it.", tone="good"
    )


@_displays
def progress() -> Panel:
    """What was done so far, and what comes next."""
    return progress_panel(Course.find())

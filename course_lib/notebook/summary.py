"""What the records mean: a table of the exercises, a sum, and the next thing to do.

Rule: pure reading of course, questions and store; the notebook and the terminal print the same rows.
"""

from dataclasses import dataclass

from course_lib.errors import ExerciseError
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.report import CORRECT, NOT_ATTEMPTED
from course_lib.notebook.panels import Panel, box, paragraphs, table, text_table
from course_lib.notebook.paths import lesson_names
from course_lib.notebook.questions import load_questions
from course_lib.notebook.store import Checked, Help, Store, store_of

HEAD = ["lesson", "exercise", "points", "outcome", "hints"]


@dataclass(frozen=True, slots=True)
class Summary:
    """`rows` under HEAD, the sum in words, and what to do next."""

    rows: list[list[str]]
    total: str
    next: str


def summarise(course: Course, store: Store) -> Summary:
    """The state of a course folder."""
    checks, help = store.checks(), store.help()
    exercises = course.exercises()
    rows = [_row(exercise, checks.get(exercise.id), help.get(exercise.id, Help())) for exercise in exercises]
    earned = sum(checks[e.id].points for e in exercises if e.id in checks)
    done = sum(e.id in checks and checks[e.id].outcome == CORRECT for e in exercises)
    possible = sum(exercise.points(hidden=False) for exercise in exercises)
    total = f"{earned} of {possible} visible points, {done} of {len(exercises)} exercises correct"
    return Summary(rows, total, _next_step(course, store))


def progress_panel(course: Course) -> Panel:
    summary = summarise(course, store_of(course))
    step = f"Next: {summary.next}"
    text = "\n".join([text_table(HEAD, summary.rows), summary.total, step])
    return Panel(text, box("Progress", table(HEAD, summary.rows, "Exercises") + paragraphs(summary.total, step)))


def _row(exercise: Exercise, checked: Checked | None, help: Help) -> list[str]:
    outcome = checked.outcome if checked else NOT_ATTEMPTED
    if checked and outcome != CORRECT and checked.first_success:
        outcome += " (was correct)"
    hints = str(help.hints or "") + (" + solution" if help.solution_seen else "")
    mark = " (stretch)" if exercise.stretch else ""
    points = f"{checked.points if checked else 0} of {exercise.points(hidden=False)}"
    return [exercise.lesson[:2], exercise.id + mark, points, outcome, hints.removeprefix(" + ")]


def _next_step(course: Course, store: Store) -> str:
    """The first thing left undone, from the lesson touched last onwards, then from the beginning."""
    lessons = lesson_names(course)
    if store.last_touched() is None and lessons:
        return f"open notebooks/{lessons[0]}.ipynb."
    at = _lesson_of(course, store.last_touched() or "")
    start = next((n for n, name in enumerate(lessons) if name[:2] == at), 0)
    for stretch in (False, True):
        for name in lessons[start:] + lessons[:start]:
            if step := _open_in(course, store, name, stretch):
                return step
    return "nothing is left; everything is done."


def _lesson_of(course: Course, touched: str) -> str:
    """The lesson number of an exercise id, a question ("03.crlf") or a place ("quiz:03")."""
    try:
        return course.exercise(touched).lesson[:2]
    except ExerciseError:
        return touched.rpartition(":")[2][:2]


def _open_in(course: Course, store: Store, lesson: str, stretch: bool) -> str | None:
    questions = load_questions(course.root).get(lesson[:2])
    predictions, checks = store.predictions(), store.checks()
    if questions and not stretch:
        for question in questions.predict:
            if question.id not in predictions:
                return f"predict {question.id} in notebooks/{lesson}.ipynb."
    for exercise in course.exercises(lesson):
        checked = checks.get(exercise.id)
        if exercise.stretch is stretch and (checked is None or checked.outcome != CORRECT):
            tried = f", {checked.attempts} tries so far" if checked and checked.attempts > 1 else ""
            return f"{exercise.id} in exercises/{lesson}.ipynb{tried}."
    answered = store.answers(f"quiz:{lesson[:2]}")
    if questions and not stretch and any(question.id not in answered for question in questions.quiz):
        return f"the quiz at the end of notebooks/{lesson}.ipynb."
    return None

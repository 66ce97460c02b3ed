"""`course grade --notebook`: a learner's notebook, top to bottom in the sandbox, as "Restart and run all" would.

Rule: the cells run in order in one process; at each `check("id")` the visible checks judge what is defined there
and then, and the verdict is compared with the one saved in the solution's notebook, as nbval compares outputs.
Left out: hidden checks, marks of a whole submission (batch).
"""

import re
from dataclasses import replace

from course_lib.errors import PipeError
from course_lib.grading import loading
from course_lib.grading.batch import Options, beyond_the_sandbox, course_at, entry_of, no_verdict
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.formats import Entry
from course_lib.grading.hosts import ChildHost
from course_lib.grading.judge import judge
from course_lib.grading.report import CORRECT, ExerciseResult, as_text, not_run
from course_lib.grading.starter import cells_of
from course_lib.grading.submissions import Submission

_CHECK = re.compile(r"^check\(\s*['\"](\w+)['\"]\s*\)", re.MULTILINE)


def rerun_submission(submission: Submission, options: Options) -> Entry:
    """The entry of a notebook run from top to bottom: `problems` names the cells that broke or differ."""
    course = course_at(options.root)
    exercises = [course.exercise(id) for id in submission.exercises]
    error = submission.error
    if not error and not submission.name.lower().endswith(".ipynb"):
        error = "--notebook runs notebooks, and this is a module"
    problems: list[str] = []
    results: dict[str, ExerciseResult] = {}
    if not error and exercises:
        try:
            with loading.prepare(submission, exercises, options.isolation or None) as host:
                problems = _run(submission, course, host, options, results)
        except PipeError as failed:
            error = f"the judge gave no verdict: {failed}"
    missing = error or "its check cell was not reached"
    verdicts = [results.get(exercise.id) or not_run(exercise, False, missing) for exercise in exercises]
    return entry_of(submission, options, verdicts, problems, error)


def _run(
    submission: Submission, course: Course, host: ChildHost, options: Options, results: dict[str, ExerciseResult]
) -> list[str]:
    """Runs the cells and judges at each check cell. Fills `results`; returns the problems."""
    problems: list[str] = []
    for cell in submission.cells:
        broken = loading.run(host, (cell,))
        if broken and cell[1] not in beyond_the_sandbox(course, submission.exercises):
            problems += broken
        for id in _CHECK.findall(cell[1]):
            if id in submission.exercises:
                result = _verdict(course.exercise(id), host, options)
                results[id] = replace(result, unchanged=id in host.unchanged)
                problems += _difference(cell[0], course.exercise(id), results[id])
        if host.failed:
            problems.append(f"{cell[0]}: {host.failed}")
            break
    return problems


def _verdict(exercise: Exercise, host: ChildHost, options: Options) -> ExerciseResult:
    if host.failed:
        return not_run(exercise, False, host.failed)
    try:
        return judge().verdict(exercise, host, seed=options.seed)
    except PipeError as error:
        return no_verdict(exercise, False, error)


def _difference(label: str, exercise: Exercise, result: ExerciseResult) -> list[str]:
    """Where the verdict is not the one that the solution's notebook shows: a sentence, or nothing."""
    wanted = saved_verdict(exercise)
    text = as_text(result, exercise.after if result.outcome == CORRECT else "")
    if wanted is None or wanted.strip() == text.strip():
        return []
    pairs = zip([*wanted.splitlines(), ""], [*text.splitlines(), ""], strict=False)
    theirs, ours = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    return [f"{label}: check({exercise.id!r}) shows {ours.strip()!r}, the solution's notebook {theirs.strip()!r}"]


def saved_verdict(exercise: Exercise) -> str | None:
    """The text that the solution's notebook shows under `check`, None where there is no solution."""
    for cell in cells_of(exercise.solution_notebook):
        if cell["cell_type"] == "code" and exercise.id in _CHECK.findall("".join(cell["source"])):
            texts = [output["data"].get("text/plain") for output in cell["outputs"] if "data" in output]
            return next(("".join(text) for text in texts if text), None)
    return None

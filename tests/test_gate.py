"""The author's gate: no exercise can drift. Starter, solution, hints, checks and candidates are in step.

Every exercise: the starter earns nothing, the solution everything, each right alternative everything,
each wrong one less; the committed exercise is the derived one; no stray file.
"""

import ast
import json
from pathlib import Path

import pytest

from course_lib.grading.batch import grade_file
from course_lib.grading.exercises import Course
from course_lib.grading.report import as_text
from course_lib.grading.starter import exercise_cell

ROOT = Path(__file__).resolve().parents[1]
COURSE = Course(ROOT)
EXERCISES = COURSE.exercises()
CANDIDATES = ROOT / "tests" / "candidates"
LESSONS = sorted({exercise.lesson for exercise in EXERCISES})

# At least so many wrong and right alternatives: by lesson, and for the exercise that people copy most
COUNTS = {"03": (5, 2), "04": (5, 2), "parse_sse_stream": (15, 5)}

by_id = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def candidates(kind):
    return [
        pytest.param(exercise, path, id=f"{exercise.id}-{path.stem}")
        for exercise in EXERCISES
        for path in sorted((CANDIDATES / exercise.id / kind).glob("*"))
    ]


@by_id
def test_both_sides_have_the_files_of_an_exercise(exercise):
    assert exercise.notebook.exists()
    assert exercise.solution_notebook.exists()
    assert exercise.check_file(hidden=True).exists()
    assert exercise_cell(exercise.notebook, exercise.id), "the exercise notebook has no cell for it"
    assert exercise.points(hidden=False) > 0
    assert exercise.points(hidden=True) > 0


@by_id
def test_there_are_enough_right_and_wrong_alternatives(exercise):
    wrong, right = COUNTS.get(exercise.id) or COUNTS.get(exercise.lesson[:2]) or (3, 1)
    folder = CANDIDATES / exercise.id
    assert len(list((folder / "wrong").glob("*"))) >= wrong
    assert len(list((folder / "right").glob("*"))) >= right


@by_id
def test_every_wrong_alternative_says_what_is_wrong_and_no_two_are_alike(exercise):
    seen = {}
    for path in sorted((CANDIDATES / exercise.id).glob("*/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if path.parent.name == "wrong":
            assert ast.get_docstring(tree), f"{path.name}: the first line names the mistake"
        body = ast.dump(ast.Module([n for n in tree.body if not _is_docstring(n)], []))
        assert body not in seen, f"{path.name} is the same code as {seen[body]}"
        seen[body] = path.name


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@by_id
def test_the_solution_earns_every_point(exercise):
    result = grade_file(exercise.solution_notebook, exercise)
    assert result.points == result.max_points == exercise.points(), as_text(result)
    assert result.outcome == "correct"


@by_id
def test_the_starter_earns_nothing_and_is_no_attempt(exercise, tmp_path):
    """Of the pristine starter: the notebook itself may hold somebody's work."""
    notebook = json.loads(exercise.notebook.read_text("utf-8"))
    for cell in notebook["cells"]:
        if starter := cell["metadata"].get("course", {}).get("starter"):
            cell["source"] = starter
    path = tmp_path / exercise.notebook.name
    path.write_text(json.dumps(notebook), "utf-8")
    result = grade_file(path, exercise)
    assert result.points == 0, as_text(result)
    assert result.outcome == "not attempted"


@pytest.mark.parametrize(("exercise", "path"), candidates("right"))
def test_a_right_alternative_earns_every_point(exercise, path):
    result = grade_file(path, exercise)
    assert result.points == exercise.points(), as_text(result)


@pytest.mark.parametrize(("exercise", "path"), candidates("wrong"))
def test_a_wrong_alternative_loses_points(exercise, path):
    result = grade_file(path, exercise)
    assert result.points < exercise.points(), f"{path.name} earns every point"
    assert all(check.outcome != "error" for check in result.checks), as_text(result)


@by_id
def test_a_failing_check_never_stops_the_report(exercise, tmp_path):
    """Code that answers every call with the same odd value gets a verdict, too."""
    path = tmp_path / "odd.py"
    path.write_text(f"class Odd:\n    pass\ndef {exercise.id}(*args, **kwargs):\n    return Odd()\n")
    result = grade_file(path, exercise)
    assert result.points == 0, as_text(result)
    assert len(result.checks) == len(exercise.checks)


def test_every_check_file_and_candidate_belongs_to_an_exercise():
    ids = {exercise.id for exercise in EXERCISES}
    for folder in ("exercises", "solutions"):
        found = {path.stem.removeprefix("test_") for path in (ROOT / folder / "checks").glob("test_*.py")}
        assert found == ids, f"{folder}/checks"
    assert {path.name for path in CANDIDATES.iterdir() if path.is_dir()} == ids


def test_the_points_of_a_lesson_are_those_of_the_syllabus():
    """Stated once here, because learners compare with the README and instructors plan with it."""
    points = {lesson[:2]: sum(e.points() for e in COURSE.exercises(lesson)) for lesson in LESSONS}
    assert points == {"01": 24, "02": 28, "03": 44, "04": 41}

"""nbgrader takes our notebooks: its metadata is derived, and the marks that it writes down are the judge's.

Rule: the real nbgrader, in a virtual environment of its own (bench/peers); the kernel is this environment's,
as docs/other_systems.md tells an instructor to do it.
"""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from bench import peers
from course_lib.authoring.build import build, differences, lessons_of, read_notebook, write_notebook
from course_lib.grading.exercises import Course
from course_lib.notebook.verdict import check, verdict
from tests.mini_course import LESSON as MINI

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course(ROOT)
LESSON = "03_sse_format"
PARTLY_RIGHT = ROOT / "tests" / "candidates" / "parse_sse_stream" / "wrong" / "last_data_line_wins.py"
MARKS = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    notebooks = [(work.student_id, work.notebooks[0]) for work in book.assignment_submissions("sse")]
    print(json.dumps({name: {grade.name: grade.auto_score for grade in work.grades} for name, work in notebooks}))
"""


def cells_of(notebook):
    """nbgrader's cells by their id."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in cells}


@pytest.mark.parametrize("lesson", [name for name in lessons_of(COURSE, []) if COURSE.exercises(name)])
@pytest.mark.parametrize("folder", ["exercises", "solutions"])
def test_each_exercise_has_an_answer_cell_and_a_check_cell_worth_its_visible_points(folder, lesson):
    expected = {}
    for exercise in COURSE.exercises(lesson):
        both = {"schema_version": 3, "task": False}
        expected[exercise.id] = both | {"grade_id": exercise.id, "grade": False, "locked": False, "solution": True}
        expected[f"check_{exercise.id}"] = both | {
            "grade_id": f"check_{exercise.id}", "grade": True, "locked": True, "solution": False,
            "points": exercise.points(hidden=False),
        }  # fmt: skip
    cells = cells_of(read_notebook(ROOT / folder / f"{lesson}.ipynb"))
    assert {id: dict(cell.metadata["nbgrader"]) for id, cell in cells.items()} == expected


def test_another_number_of_points_is_a_drift_until_it_is_built(course):
    checks = course.root / "exercises" / "checks" / "test_double.py"
    checks.write_text(checks.read_text("utf-8").replace("@points(2)", "@points(5)"), "utf-8")
    course = Course(course.root)
    assert differences(course, MINI) == [
        f"solutions/{MINI}.ipynb: its metadata is not settled",
        f"exercises/{MINI}.ipynb, cell 5: metadata differs",
    ]
    assert build(course, MINI)
    assert differences(course, MINI) == []


def test_what_somebody_wrote_for_nbgrader_by_hand_does_not_stay(course):
    path = course.root / "solutions" / f"{MINI}.ipynb"
    notebook = read_notebook(path)
    notebook.cells[0].metadata["nbgrader"] = {"grade": True, "grade_id": "mine", "points": 100}
    write_notebook(notebook, path)
    assert differences(course, MINI) == [f"solutions/{MINI}.ipynb: its metadata is not settled"]
    build(course, MINI)
    assert set(cells_of(read_notebook(path))) == {"double", "check_double", "review_mini", "check_review_mini"}


def test_a_check_that_cannot_run_is_worth_nothing_to_nbgrader(course, monkeypatch, capsys):
    assert check("no_such_exercise") is None
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("no_such_exercise") == 0
    assert capsys.readouterr().out.count("no exercise is called") == 2


@pytest.fixture
def run(tmp_path):
    """`run(program, *arguments)` runs a program of nbgrader's environment in an empty folder; gives what it printed."""
    (tmp_path / "nbgrader_config.py").write_text(documented_configuration(), "utf-8")
    return partial(peers.run, "nbgrader", cwd=tmp_path, COURSE_ROOT=str(ROOT))


def documented_configuration():
    text = (ROOT / "docs" / "other_systems.md").read_text("utf-8")
    return re.search(r"```python\n(c = get_config\(\).*?)```", text, re.S)[1]


def hand_in(folder, student, notebook, answers):
    """A student's work: a notebook with some of its answer cells replaced."""
    path = folder / "submitted" / student / "sse" / f"{LESSON}.ipynb"
    for id, source in answers.items():
        cells_of(notebook)[id].source = source
    write_notebook(notebook, path)


def test_nbgrader_makes_an_assignment_and_writes_down_the_marks_of_the_judge(run, tmp_path):
    """All in one test, because nbgrader takes several seconds for each submission."""
    solved = read_notebook(ROOT / "solutions" / f"{LESSON}.ipynb")
    starter = cells_of(read_notebook(ROOT / "exercises" / f"{LESSON}.ipynb"))
    write_notebook(solved, tmp_path / "source" / "sse" / f"{LESSON}.ipynb")
    run("nbgrader", "generate_assignment", "sse")

    release = tmp_path / "release" / "sse" / f"{LESSON}.ipynb"
    given = cells_of(read_notebook(release))
    for exercise in COURSE.exercises(LESSON):
        region = re.search(r"### BEGIN SOLUTION\n(.*)\n *### END SOLUTION", cells_of(solved)[exercise.id].source, re.S)
        assert region[1] not in given[exercise.id].source
        if exercise.kind != "break":  # there our own starter raises nothing
            assert given[exercise.id].source == starter[exercise.id].source
    assert "SOLUTION" not in release.read_text("utf-8")

    partly = PARTLY_RIGHT.read_text("utf-8")
    hand_in(tmp_path, "right", solved, {})
    hand_in(tmp_path, "untouched", read_notebook(release), {})
    hand_in(tmp_path, "partly", read_notebook(release), {"parse_sse_stream": partly})
    hand_in(tmp_path, "cheat", read_notebook(release), {"parse_sse_stream": "def check(id):\n    pass"})
    run("nbgrader", "autograde", "sse")

    full = {f"check_{exercise.id}": exercise.points(hidden=False) for exercise in COURSE.exercises(LESSON)}
    names = {}
    exec(partly, names)
    judged = verdict(COURSE.exercise("parse_sse_stream"), names).points
    assert 0 < judged < full["check_parse_sse_stream"]
    assert json.loads(run("python", "-c", MARKS)) == {
        "right": full,
        "untouched": dict.fromkeys(full, 0),
        "partly": dict.fromkeys(full, 0) | {"check_parse_sse_stream": judged},
        "cheat": full,  # the weak place that docs/other_systems.md warns of: the checks run in the student's kernel
    }

"""Building writes what is missing or stale, and says what it would change."""

from pathlib import Path

import pytest
from nbformat.v4 import new_markdown_cell

from course_lib.authoring.build import build, differences, lessons_of, read_notebook, write_notebook
from course_lib.errors import BuildError
from course_lib.grading.exercises import Course
from tests.mini_course import LESSON, solution_cells, write_solution

ROOT = Path(__file__).resolve().parents[2]


def exercise_file(course):
    return course.root / "exercises" / f"{LESSON}.ipynb"


def edit(path, change):
    notebook = read_notebook(path)
    change(notebook)
    write_notebook(notebook, path)


@pytest.mark.parametrize("lesson", lessons_of(Course(ROOT), []))
def test_the_committed_exercises_are_the_derived_ones(lesson):
    assert differences(Course(ROOT), lesson) == []


def test_building_again_changes_nothing_and_keeps_outputs(course):
    edit(exercise_file(course), lambda notebook: notebook.cells[1].update(execution_count=1))
    before = exercise_file(course).read_bytes()
    assert differences(course, LESSON) == []
    assert not build(course, LESSON)
    assert exercise_file(course).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda notebook: notebook.cells[3].update(source="return 4"), ", cell 4: source differs"),
        (lambda notebook: notebook.cells[3].metadata["course"].update(starter=""), ", cell 4: metadata differs"),
        (lambda notebook: notebook.cells.pop(), ": 10 cells, derived are 11"),
        (lambda notebook: notebook.cells[0].update(id="other"), ", cell 1: id differs"),
        (lambda notebook: notebook.metadata.update(author="me"), ": the notebook's metadata differ"),
    ],
)
def test_a_stale_exercise_is_told_and_built(course, change, said):
    write_solution(course, [*solution_cells(), new_markdown_cell("The end.", id="last")])
    build(course, LESSON)
    edit(exercise_file(course), change)
    assert f"exercises/{LESSON}.ipynb{said}" in differences(course, LESSON)
    assert build(course, LESSON)
    assert differences(course, LESSON) == []


def test_a_missing_exercise_notebook_is_told_and_built(course):
    exercise_file(course).unlink()
    assert differences(course, LESSON) == [f"exercises/{LESSON}.ipynb is missing"]
    assert build(course, LESSON)
    assert differences(course, LESSON) == []


def test_an_exercise_notebook_without_a_solution_is_a_stray_file(course):
    stray = exercise_file(course).with_name("02_stray.ipynb")
    stray.write_bytes(exercise_file(course).read_bytes())
    assert differences(course, "02_stray") == ["exercises/02_stray.ipynb has no solutions/02_stray.ipynb"]


def test_declared_exercises_without_a_solution_notebook_are_an_error(course):
    (course.root / "solutions" / f"{LESSON}.ipynb").unlink()
    with pytest.raises(BuildError, match="is missing"):
        build(course, LESSON)


def test_the_solutions_cells_are_marked_with_their_exercise(course):
    write_solution(course, solution_cells())
    assert differences(course, LESSON) == [f"solutions/{LESSON}.ipynb: its metadata is not settled"]
    build(course, LESSON)
    solution = read_notebook(course.root / "solutions" / f"{LESSON}.ipynb")
    assert solution.cells[3].metadata["course"] == {"exercise": "double"}


def test_a_file_that_is_no_notebook_is_named(course):
    (course.root / "solutions" / f"{LESSON}.ipynb").write_text("{", "utf-8")
    with pytest.raises(BuildError, match=rf"solutions/{LESSON}.ipynb can't be read"):
        build(course, LESSON)


def test_lessons_are_named_by_number_or_by_name(course):
    assert lessons_of(course, []) == lessons_of(course, ["01"]) == lessons_of(course, [LESSON]) == [LESSON]
    with pytest.raises(BuildError, match="there is no lesson '09'; there are 01_mini"):
        lessons_of(course, ["09"])

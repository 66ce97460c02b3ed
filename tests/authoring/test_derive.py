"""From a solution to its exercise: what becomes of a cell, and every mistake named with notebook and cell."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.authoring.build import build, read_notebook
from course_lib.authoring.derive import derive_source
from course_lib.errors import BuildError
from tests.mini_course import DOUBLE, DOUBLE_STARTER, LESSON, REVIEW, solution_cells, write_solution

NO_BODY = """def review_mini() -> dict:
    if True:
        ### BEGIN SOLUTION
        return {"a": True}
        ### END SOLUTION"""


def derive(source, kind="value"):
    return derive_source(source, kind, "solutions/01_mini.ipynb, cell 4")


def test_a_region_becomes_a_placeholder_at_its_indentation():
    assert derive(DOUBLE) == DOUBLE_STARTER
    deep = "class A:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n\nx = 1"
    assert derive(deep) == (
        "class A:\n    def f(self):\n        # your code here\n        raise NotImplementedError\n\nx = 1"
    )


def test_every_region_of_a_cell_is_replaced():
    region = "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    derived = derive(f"def f():\n{region}\ndef g():\n{region}")
    assert derived.count("raise NotImplementedError") == 2
    assert "return" not in derived


def test_an_exercise_that_returns_verdicts_raises_nothing():
    assert derive(REVIEW, "review").split("\n")[2:] == [
        "    verdicts = {}",
        "    # your answers here",
        "    return verdicts",
    ]
    assert derive(REVIEW, "break") == derive(REVIEW, "review")


def test_javascript_has_its_own_markers_and_placeholder():
    source = "function f() {\n  /// BEGIN SOLUTION\n  return 1;\n  /// END SOLUTION\n}"
    assert derive(source) == 'function f() {\n  // your code here\n  throw new Error("not implemented");\n}'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["    ### BEGIN SOLUTION"], "without an END"),
        (["    ### END SOLUTION"], "without a BEGIN"),
        (["    ### BEGIN SOLUTION", "    ### BEGIN SOLUTION", "    ### END SOLUTION"], "inside a solution region"),
        (["    ### BEGIN SOLUTION", "### END SOLUTION"], "same indentation"),
        (["    ### BEGIN SOLUTION", "    /// END SOLUTION"], "look alike"),
        (["    return 1  ### BEGIN SOLUTION"], "alone on its line"),
        (["    ## BEGIN SOLUTION", "    ## END SOLUTION"], "alone on its line"),
        (["### BEGIN SOLUTION", "x = 1", "### END SOLUTION"], "top level"),
    ],
)
def test_markers_that_do_not_pair_are_named_with_their_cell(lines, said):
    with pytest.raises(BuildError) as error:
        derive("\n".join(["def f():", *lines]))
    assert str(error.value).startswith("solutions/01_mini.ipynb, cell 4: ")
    assert said in str(error.value)


def test_a_derived_notebook_knows_its_exercises_and_their_starters(course):
    notebook = read_notebook(course.root / "exercises" / f"{LESSON}.ipynb")
    notes = [cell.metadata["course"] for cell in notebook.cells if "course" in cell.metadata]
    assert [note["exercise"] for note in notes] == ["double", "review_mini"]
    assert notes[0]["starter"] == DOUBLE_STARTER
    assert not [cell for cell in notebook.cells if "SOLUTION" in cell.source]
    assert not [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]


def test_a_cell_that_is_never_executed_is_not_compared_either(course):
    notebook = read_notebook(course.root / "exercises" / f"{LESSON}.ipynb")
    assert notebook.cells[5].metadata.tags == ["skip-execution", "nbval-skip"]


def changed(edit):
    cells = solution_cells()
    edit(cells)
    return cells


def replace(index, source):
    return lambda cells: cells[index].update(source=source)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda cells: cells.pop(3), "double is declared for this lesson, but no cell answers it"),
        (lambda cells: cells.pop(4), 'double has no cell check("double")'),
        (lambda cells: cells.pop(5), 'double has no cell hint("double")'),
        (
            replace(3, DOUBLE.replace("double", "triple")),
            "cell 4: a cell with a solution defines one declared exercise",
        ),
        (replace(3, "def double(n):\n    return 2"), "cell 4: defines double without a solution region"),
        (replace(3, DOUBLE.replace("    ### END SOLUTION", "")), "cell 4 (double): BEGIN SOLUTION without"),
        (
            replace(3, f"{DOUBLE}\n{REVIEW}"),
            "cell 4: a cell with a solution defines one declared exercise, this one double",
        ),
        (lambda cells: cells.append(new_code_cell(DOUBLE)), "cell 11: double is answered twice"),
        (lambda cells: cells.append(new_markdown_cell("### BEGIN SOLUTION")), "cell 11: a solution marker outside"),
        (lambda cells: cells[3].metadata.update(course={"exercise": "x"}), "cell 4: its metadata says x"),
        (replace(7, NO_BODY), "cell 8 (review_mini): without its solution the cell is no Python"),
    ],
)
def test_a_solution_from_which_nothing_can_be_derived_says_why(course, edit, said):
    write_solution(course, changed(edit))
    before = (course.root / "exercises" / f"{LESSON}.ipynb").read_bytes()
    with pytest.raises(BuildError) as error:
        build(course, LESSON)
    assert str(error.value).startswith(f"solutions/{LESSON}.ipynb")
    assert said in str(error.value)
    assert (course.root / "exercises" / f"{LESSON}.ipynb").read_bytes() == before

"""A course of one lesson and two exercises, written into a folder: for tests of notebook and authoring."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.authoring.build import build, write_notebook
from course_lib.authoring.derive import METADATA
from course_lib.grading.exercises import Course

LESSON = "01_mini"
DOUBLE = '''def double(n: int) -> int:
    """Twice `n`."""
    ### BEGIN SOLUTION
    return 2 * n
    ### END SOLUTION'''
DOUBLE_STARTER = '''def double(n: int) -> int:
    """Twice `n`."""
    # your code here
    raise NotImplementedError'''
REVIEW = '''def review_mini() -> dict:
    """Verdicts on two claims."""
    verdicts = {}
    ### BEGIN SOLUTION
    verdicts = {"a": True}
    ### END SOLUTION
    return verdicts'''
QUESTIONS = """
[[predict]]
id = "total"
question = "How much shorter is `total`?"
choices = ["not at all", "half"]
answer = 0
why = "The model is not faster."
[[quiz]]
id = "metric"
question = "Which metric never improves?"
choices = ["total", "time to first token"]
answer = 0
why = "Streaming moves nothing but the first token."
"""
CHECKS = '''"""Visible checks of {id}."""

from course_lib.grading import points

EXERCISE = {{
    "lesson": "01_mini", "title": "T", "kind": "{kind}", "difficulty": 1, "easy": False, "stretch": False,
    "uses": [], "read": "lesson 01, 'Start'", "hints": ["nudge {id}", "closer", "`near`"], "after": "Well done.",
}}


@points(2)
def test_it(submission):
    """It works."""
    assert submission.{id}(1) == 2
'''


def question_file(root):
    return root / "notebooks" / "questions" / f"{LESSON}.toml"


def solution_cells():
    """Cells of the solution notebook: title, set-up, and task, answer, check and hint of both exercises."""
    cells = [new_markdown_cell("# 01 Mini"), new_code_cell("from course_lib import check, hint, solution")]
    for id, source in (("double", DOUBLE), ("review_mini", REVIEW)):
        cells += [new_markdown_cell(f"## {id}"), new_code_cell(source), new_code_cell(f'check("{id}")')]
        cells.append(new_code_cell(f'hint("{id}")', metadata={"tags": ["skip-execution"]}))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def write_solution(course, cells):
    write_notebook(new_notebook(cells=cells, metadata=METADATA), course.root / "solutions" / f"{LESSON}.ipynb")


def write_mini_course(root):
    """The course, built. Its answers are right, its exercises are as derived."""
    for folder in ("exercises/checks", "solutions/checks", "notebooks/questions"):
        (root / folder).mkdir(parents=True)
    for id, kind in (("double", "value"), ("review_mini", "review")):
        (root / "exercises" / "checks" / f"test_{id}.py").write_text(CHECKS.format(id=id, kind=kind), "utf-8")
    question_file(root).write_text(QUESTIONS, "utf-8")
    nbformat.write(new_notebook(metadata=METADATA), root / "notebooks" / f"{LESSON}.ipynb")
    course = Course(root)
    write_solution(course, solution_cells())
    build(course, LESSON)
    return Course(root)

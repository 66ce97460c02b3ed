"""Start a lesson or an exercise: the files in their places, with blanks that the gate refuses until they are filled.

Rule: nothing that exists is overwritten. Left out: the text; a blank is marked TODO and fails on purpose.
"""

import keyword
import re
from pathlib import Path
from typing import Any

import nbformat

from course_lib.authoring.build import read_notebook, write_notebook
from course_lib.authoring.derive import METADATA
from course_lib.errors import BuildError
from course_lib.grading.exercises import Course

_VISIBLE = '''"""Visible checks of {id}."""

from course_lib.grading import points

EXERCISE = {{
    "lesson": "{lesson}",
    "title": "TODO",
    "kind": "value",
    "difficulty": 1,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson {number}, 'TODO'",
    "hints": ["TODO: a nudge", "TODO: closer", "TODO: nearly the answer"],
    "after": "TODO",
}}


@points(1)
def test_todo(submission):
    """TODO: the behaviour, in one sentence."""
    assert submission.{id}("TODO") == "TODO: what the right answer returns"
'''
_HIDDEN = '''"""Instructor-only checks of {id}."""

from course_lib.grading import points


@points(1)
def test_todo_hidden(submission):
    """TODO: the behaviour, in one sentence."""
    assert submission.{id}("TODO") == "TODO: what the right answer returns"
'''
_RIGHT = '''"""TODO: another right way."""


def {id}():
    raise NotImplementedError("TODO")
'''
_WRONG = '''"""TODO: the one mistake this program makes."""


def {id}():
    raise NotImplementedError("TODO")
'''
_QUESTIONS = """# Questions of this lesson. `answer` counts from 0. Fill the blanks: an empty text is an error.

[[predict]]
id = "first"
question = ""
choices = ["", ""]
answer = 0
why = ""

[[quiz]]
id = "first"
question = ""
choices = ["", "", ""]
answer = 0
why = ""
"""


def new_exercise(course: Course, id: str, lesson: str) -> list[Path]:
    """Append cells to the lesson's solution notebook, write the two check files and a stub of each kind of candidate.

    Returns what was written. Raises BuildError when the name is no identifier, is taken, or the lesson is missing.
    """
    if not id.isidentifier() or keyword.iskeyword(id):
        raise BuildError(f"an exercise is called like the function to write; {id!r} is no Python name")
    notebook = course.root / "solutions" / f"{lesson}.ipynb"
    if not notebook.exists():
        raise BuildError(f"solutions/{lesson}.ipynb is missing; start the lesson with: course new lesson {lesson}")
    candidates = course.root / "tests" / "candidates" / id
    blank = {"id": id, "lesson": lesson, "number": lesson[:2]}
    files = {
        course.root / "exercises" / "checks" / f"test_{id}.py": _VISIBLE.format(**blank),
        course.root / "solutions" / "checks" / f"test_{id}.py": _HIDDEN.format(**blank),
        candidates / "right" / "another_way.py": _RIGHT.format(**blank),
        candidates / "wrong" / "one_mistake.py": _WRONG.format(**blank),
    }
    content = read_notebook(notebook)
    _write_new(course, files)
    content.cells += [
        _cell(
            "markdown",
            f"## {id}\n\n**1 point · difficulty 1.** TODO: the task; it decides every case that a check tests.",
        ),
        _cell(
            "code",
            f'def {id}():\n    """TODO: what it returns."""\n    ### BEGIN SOLUTION\n    raise ValueError("TODO")\n'
            "    ### END SOLUTION",
            course={"exercise": id},
        ),
        _cell("code", f'check("{id}")'),
        _cell("code", f'hint("{id}")', tags=["skip-execution", "nbval-skip"]),
    ]
    write_notebook(content, notebook)
    return [*files, notebook]


def new_lesson(course: Course, lesson: str) -> list[Path]:
    """Write an empty lesson, its solution notebook and its questions. Raises BuildError when one of them is there."""
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", lesson):
        raise BuildError(f"a lesson is called NN_topic, in lower case, like 05_sse_server; not {lesson!r}")
    folders = (course.root / "notebooks", course.root / "solutions")
    if taken := [path for folder in folders for path in folder.glob(f"{lesson[:2]}_*.ipynb")]:
        raise BuildError(f"lesson {lesson[:2]} exists: {taken[0].parent.name}/{taken[0].name}")
    number = lesson[:2]
    title = lesson[3:].replace("_", " ").capitalize()
    text = _cell("markdown", f"# {number} · {title}\n\nTODO: what it is about, and what you will be able to do.")
    setup = "from course_lib import compare, predict, predicted, quiz, recall"
    beats = [_cell("code", call) for call in (setup, f'recall("{number}")', f'quiz("{number}")')]
    exercises = _cell("markdown", f"# {number} · {title} · exercises\n\nTODO: in which order to take them.")
    answers = [exercises, _cell("code", "from course_lib import check, hint, solution")]
    files = {course.root / "notebooks" / "questions" / f"{lesson}.toml": _QUESTIONS}
    _write_new(course, files)
    for folder, cells in zip(folders, ([text, *beats], answers), strict=True):
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)  # type: ignore[no-untyped-call]
        write_notebook(notebook, folder / f"{lesson}.ipynb")
    return [*files, *(folder / f"{lesson}.ipynb" for folder in folders)]


def _cell(kind: str, source: str, **metadata: Any) -> Any:
    make = getattr(nbformat.v4, f"new_{kind}_cell")
    return make(source, metadata=metadata)


def _write_new(course: Course, files: dict[Path, str]) -> None:
    if taken := [path for path in files if path.exists()]:
        raise BuildError(f"{taken[0].relative_to(course.root).as_posix()} exists already; nothing was written")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

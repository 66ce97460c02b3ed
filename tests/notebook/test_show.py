"""hint, solution, reset and progress: they display, they never raise, and they change one thing at a time."""

import json

import pytest

from course_lib.grading.starter import exercise_cell
from course_lib.notebook import show, starters, verdict
from course_lib.notebook.paths import backup_folder
from tests.mini_course import DOUBLE_STARTER


def write_code(exercise, code):
    """What a learner does in JupyterLab: other source in the cell of one exercise."""
    notebook = json.loads(exercise.notebook.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("course", {}).get("exercise") == exercise.id:
            cell["source"] = code.splitlines(keepends=True)
    exercise.notebook.write_text(json.dumps(notebook), "utf-8")


def test_hints_come_one_by_one_and_then_all_together(store, shown):
    for _ in range(4):
        show.hint("double")
    first, second, third, rest = map(repr, shown)
    assert first.startswith("Hint 1 of 3 for double\nnudge double")
    assert "closer" not in first
    assert "Hint 2 of 3" in second
    assert "lesson 01, 'Start'" in third
    assert "1. nudge double\n2. closer\n3. `near`" in rest
    assert "<code>near</code>" in shown[3].markup
    assert store.help()["double"].hints == 3


def test_an_exercise_may_be_named_by_its_function_and_by_nothing_else(course, shown):
    def double():
        """What the learner wrote."""

    show.hint(double)
    assert repr(shown[0]).startswith("Hint 1 of 3 for double\n")
    for wrong in (None, 5, ["double"], {}):
        show.hint(wrong)
        assert f"no exercise is called {str(wrong)!r}" in repr(shown[-1])


def test_a_solution_is_shown_after_a_try_and_that_is_recorded(store, shown):
    show.solution("double")
    assert "solution('double', show=True)" in repr(shown[0])
    assert store.help() == {}
    store.record_check("double", "not yet", 0, 2)
    show.solution("double")
    assert 'def double(n: int) -> int:\n    """Twice `n`."""\n    return 2 * n' in repr(shown[1])
    assert "SOLUTION" not in repr(shown[1])
    assert "```python\ndef double" in shown[1]._repr_mimebundle_()["text/markdown"]
    assert store.help()["double"].solution_seen


def test_a_solution_can_be_asked_for_without_a_try(course, shown):
    show.solution("review_mini", show=True)
    assert '{"a": True}' in repr(shown[0])


def test_a_copy_without_solutions_says_so(course, store, shown):
    course.exercise("double").solution_notebook.unlink()
    show.solution("double", show=True)
    assert "no folder solutions/" in repr(shown[0])
    assert store.help() == {}


@pytest.mark.parametrize("call", [show.hint, show.solution, show.reset])
def test_an_unknown_exercise_shows_the_close_ones_and_does_not_raise(course, shown, call):
    call("duoble")
    assert "double" in repr(shown[0])


def test_a_fault_of_the_course_is_one_line(course, shown, monkeypatch):
    monkeypatch.setattr(show, "reset_exercise", lambda *_: 1 / 0)
    show.reset("double")
    assert repr(shown[0]) == "reset\nThis is a fault of the course, not yours: ZeroDivisionError: division by zero"


def test_reset_puts_one_starter_back_and_keeps_the_code(course, shown):
    double, review = course.exercise("double"), course.exercise("review_mini")
    write_code(double, "def double(n):\n    return n + n")
    write_code(review, "mine")
    before = json.loads(double.notebook.read_text("utf-8"))
    show.reset("double")
    assert "File > Reload Notebook from Disk" in repr(shown[0])
    after = json.loads(double.notebook.read_text("utf-8"))
    changed = [n for n, (a, b) in enumerate(zip(before["cells"], after["cells"], strict=True)) if a != b]
    assert len(changed) == 1
    assert "".join(exercise_cell(double.notebook, "double")["source"]) == DOUBLE_STARTER
    assert (backup_folder(course) / "double-1.py").read_text("utf-8") == "def double(n):\n    return n + n"
    write_code(double, "second")
    show.reset("double")
    assert (backup_folder(course) / "double-2.py").read_text("utf-8") == "second"


def test_reset_of_a_starter_changes_nothing(course, shown):
    path = course.exercise("double").notebook
    before = path.read_bytes()
    show.reset("double")
    assert "It was the starter already." in repr(shown[0])
    assert path.read_bytes() == before


def test_reset_says_what_is_missing(course, shown):
    path = course.exercise("double").notebook
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"] = notebook["cells"][:2]
    path.write_text(json.dumps(notebook), "utf-8")
    show.reset("double")
    assert "has no cell with the starter of double" in repr(shown[0])
    path.write_text("{", "utf-8")
    show.reset("double")
    assert "is no notebook any more" in repr(shown[1])
    path.unlink()
    show.reset("double")
    assert "is missing" in repr(shown[2])


def test_an_interrupted_reset_leaves_the_notebook_whole(course, monkeypatch):
    exercise = course.exercise("double")
    write_code(exercise, "precious")
    before = exercise.notebook.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(starters.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        starters.reset_exercise(course, exercise)
    assert exercise.notebook.read_bytes() == before
    assert [path.name for path in exercise.notebook.parent.iterdir() if path.is_file()] == ["01_mini.ipynb"]


def test_progress_lists_every_exercise_the_sum_and_the_next_step(store, shown):
    store.record_check("double", "correct", 2, 2)
    store.hint_shown("double", 2)
    store.record_check("review_mini", "not yet", 0, 2)
    store.solution_shown("review_mini")
    show.progress()
    assert repr(shown[0]).splitlines() == [
        "lesson  exercise     points  outcome  hints",
        "01      double       2 of 2  correct  2",
        "01      review_mini  0 of 2  not yet  solution",
        "2 of 4 visible points, 1 of 2 exercises correct",
        "Next: predict 01.total in notebooks/01_mini.ipynb.",
    ]
    assert '<th scope="col"' in shown[0].markup


def test_an_object_that_answers_every_question_has_no_source():
    class Everything:
        def __getattr__(self, name):
            return self

    class Exit:
        @property
        def __class__(self):
            raise SystemExit

    assert [verdict._source(one) for one in (Everything(), Exit(), 5, None)] == [None] * 4

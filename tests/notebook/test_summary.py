"""Where was I: the next thing to do."""

import nbformat
from nbformat.v4 import new_notebook

from course_lib.notebook.store import ANSWERED
from course_lib.notebook.summary import summarise


def next_step(course, store):
    return summarise(course, store).next


def test_the_course_begins_with_its_first_lesson(course, store):
    assert next_step(course, store) == "open notebooks/01_mini.ipynb."


def test_the_steps_of_a_lesson_come_in_order(course, store):
    store.hint_shown("double", 1)
    assert next_step(course, store) == "predict 01.total in notebooks/01_mini.ipynb."
    store.predict("01.total", 0, ANSWERED)
    assert next_step(course, store) == "double in exercises/01_mini.ipynb."
    store.record_check("double", "not yet", 0, 2)
    store.record_check("double", "not yet", 1, 2)
    assert next_step(course, store) == "double in exercises/01_mini.ipynb, 2 tries so far."
    store.record_check("double", "correct", 2, 2)
    assert next_step(course, store) == "review_mini in exercises/01_mini.ipynb."
    store.record_check("review_mini", "correct", 2, 2)
    assert next_step(course, store) == "the quiz at the end of notebooks/01_mini.ipynb."
    store.answer("quiz:01", "01.metric", 1, False)
    assert next_step(course, store) == "nothing is left; everything is done."


def test_the_lesson_that_was_touched_last_goes_first(course, store):
    text = '[[predict]]\nid = "x"\nquestion = "Q"\nchoices = ["a", "b"]\nanswer = 0\nwhy = "W"\n'
    (course.root / "notebooks" / "questions" / "02_more.toml").write_text(text + text.replace('"x"', '"y"'), "utf-8")
    nbformat.write(new_notebook(), course.root / "notebooks" / "02_more.ipynb")
    store.predict("02.x", 0, ANSWERED)
    assert next_step(course, store) == "predict 02.y in notebooks/02_more.ipynb."
    store.predict("02.y", 0, ANSWERED)
    assert next_step(course, store) == "predict 01.total in notebooks/01_mini.ipynb."


def test_success_that_was_lost_again_is_told(course, store):
    store.record_check("double", "correct", 2, 2)
    store.record_check("double", "not yet", 0, 2)
    assert summarise(course, store).rows[0][3] == "not yet (was correct)"

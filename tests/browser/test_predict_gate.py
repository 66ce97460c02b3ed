"""The gate before a demo, in a real JupyterLab: stepping meets it, running everything does not."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

QUESTIONS = """
[[predict]]
id = "events"
question = "How many events does `data: a` make when no blank line follows?"
choices = ["None: it was cut off", "One",
    "It depends on the client, the proxy and the weather: a choice that is long enough to need a second line"]
answer = 0
why = "A blank line dispatches an event; the standard discards what is unfinished."
[[quiz]]
id = "ends"
question = "Which line ends exist?"
choices = ["LF", "CR, LF and CRLF"]
answer = 1
why = "Section 9.2.6 names three."
"""
SOURCES = [
    "from course_lib import compare, predict, predicted, quiz, recall",
    'predict("90.events")',
    'predicted("90.events")\nprint("the demo ran")',
    'compare("90.events", measured="0 events")',
    'quiz("90")',
    'from course_lib import hint; hint("stream_metrics")',
]
PREDICT, DEMO, COMPARE, QUIZ, HINT = 1, 2, 3, 4, 5


@pytest.fixture
def lesson(course_copy, open_notebook, tmp_path):
    (course_copy / "notebooks" / "questions" / "90_gate.toml").write_text(QUESTIONS, "utf-8")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    path = tmp_path / "90_gate.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in SOURCES], metadata=kernel), path)
    return open_notebook(path)


def test_run_all_shows_the_demos_and_meets_no_gate(lesson):
    lesson.run_all()
    assert lesson.errors() == []
    assert "the demo ran" in lesson.text(DEMO)
    assert "Measured: 0 events" in lesson.text(COMPARE)
    lesson.output_area(PREDICT).get_by_role("radio").first.wait_for()
    lesson.screenshot("gate-run-all")


def test_stepping_is_gated_until_an_answer_is_committed(lesson):
    for index in (0, PREDICT, DEMO):
        lesson.page.wait_for_timeout(1200 if index == DEMO else 0)  # a person reads the question
        lesson.run_cell(index)
    assert [name for _, name, _ in lesson.errors()] == ["PredictFirst"]
    assert "Predict first" in lesson.text(DEMO)
    assert "Traceback" not in lesson.text(DEMO)
    lesson.screenshot("gate-closed")

    form = lesson.output_area(PREDICT)
    form.get_by_role("button", name="Commit").click()
    form.get_by_text("Choose an answer first").wait_for()
    form.get_by_label("One", exact=True).click()
    form.get_by_role("button", name="Commit").click()
    form.get_by_text("You answered “One”").wait_for()
    lesson.run_cell(DEMO)
    lesson.run_cell(COMPARE)
    assert lesson.errors() == []
    assert "You predicted “One”" in lesson.text(COMPARE)
    form = lesson.output_area(COMPARE)
    form.get_by_role("textbox").fill("The blank line was missing.")
    form.get_by_role("button", name="Keep").click()
    form.get_by_text("Kept.").wait_for()
    lesson.screenshot("gate-compared")


def test_the_keyboard_is_enough_and_a_restarted_kernel_remembers(lesson):
    lesson.run_cell(0)
    lesson.run_cell(PREDICT)
    form = lesson.output_area(PREDICT)
    form.get_by_role("radio").first.focus()
    for key in ("Tab", "Space", "Tab", "Tab", "Space"):
        lesson.page.keyboard.press(key)
    form.get_by_text("You answered “One”").wait_for()

    lesson.restart()
    lesson.run_cell(0)
    lesson.run_cell(DEMO)
    assert "the demo ran" in lesson.text(DEMO)
    lesson.run_cell(COMPARE)
    lesson.run_cell(PREDICT)
    assert "You answered “One”" in lesson.text(PREDICT)
    assert form.get_by_role("radio").first.is_disabled(), "what compare() has revealed can't be changed"


def test_skip_opens_the_demo(lesson):
    lesson.run_cell(0)
    lesson.run_cell(PREDICT)
    lesson.output_area(PREDICT).get_by_role("button", name="Skip").click()
    lesson.output_area(PREDICT).get_by_text("You skipped this one").wait_for()
    lesson.run_cell(DEMO)
    lesson.run_cell(COMPARE)
    assert "the demo ran" in lesson.text(DEMO)
    assert "You skipped this prediction." in lesson.text(COMPARE)


def test_the_quiz_judges_an_answer_at_once_and_gives_the_reason(lesson):
    lesson.run_cell(0)
    lesson.run_cell(QUIZ)
    form = lesson.output_area(QUIZ)
    form.get_by_label("LF", exact=True).click()
    form.get_by_role("button", name="Answer").click()
    form.get_by_text("Not this one. The answer is “CR, LF and CRLF”").wait_for()
    form.get_by_text("Section 9.2.6 names three.").wait_for()
    form.get_by_label("CR, LF and CRLF").click()
    form.get_by_role("button", name="Answer").click()
    form.get_by_text("Right.").wait_for()
    lesson.screenshot("gate-quiz")


def test_run_all_spends_no_hint_and_a_cell_run_by_itself_does(lesson):
    lesson.run_all()
    assert "Run this cell by itself" in lesson.text(HINT)
    lesson.run_cell(HINT)
    assert "Hint 1 of 3" in lesson.text(HINT)
    lesson.run_cell(HINT)
    assert "Hint 2 of 3" in lesson.text(HINT)

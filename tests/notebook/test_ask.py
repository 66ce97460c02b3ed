"""predict, predicted, compare, quiz and recall: with a learner in front of them, and without anybody."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.authoring.execute import kernel_by_socket
from course_lib.errors import ExerciseError, PredictFirst
from course_lib.notebook import ask
from course_lib.notebook.attendance import Attendance, Request
from course_lib.notebook.store import ANSWERED, SKIPPED, UNATTENDED

STATIC = """Predict 01.total
How much shorter is `total`?
  ( ) not at all
  ( ) half
To answer, run this cell in JupyterLab."""


@pytest.fixture
def learner(monkeypatch):
    """Somebody steps through the notebook: each call is a request of its own, ten seconds after the one before."""
    monkeypatch.delenv("COURSE_UNATTENDED", raising=False)

    class Learner:
        now = 100.0

        def step(self, function, *args, **kwargs):
            self.now += 10
            return function(*args, **kwargs)

    learner = Learner()
    attendance = Attendance(clock=lambda: learner.now, request=lambda: Request(learner.now, "cell"))
    monkeypatch.setattr(ask, "attendance", attendance)
    return learner


def widgets_of(panel, kind):
    """All widgets of a class name inside a panel, in order."""

    def walk(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return [widget for widget in walk(panel.widget) if type(widget).__name__ == kind]


def texts(panel):
    return " ".join(widget.value for widget in widgets_of(panel, "HTML"))


def press(panel, name):
    next(b for b in widgets_of(panel, "Button") if b.description == name).click()


def test_a_demo_stays_closed_until_the_learner_commits(store, shown, learner):
    learner.step(ask.predict, "01.total")
    with pytest.raises(PredictFirst) as error:
        learner.step(ask.predicted, "01.total")
    assert "How much shorter" in str(error.value)
    assert "Choose an answer above" in str(error.value)
    press(shown[0], "Commit")
    assert "Choose an answer first" in texts(shown[0])
    assert store.prediction("01.total") is None
    widgets_of(shown[0], "RadioButtons")[0].value = 1
    press(shown[0], "Commit")
    assert "You answered “half”" in texts(shown[0])
    learner.step(ask.predicted, "01.total")
    assert store.prediction("01.total").choice == 1


def test_the_gate_says_where_to_answer_when_the_question_was_not_asked(course, learner):
    with pytest.raises(PredictFirst, match="Run the cell above"):
        learner.step(ask.predicted, "01.total")


def test_the_gate_shows_its_message_in_place_of_a_traceback():
    assert PredictFirst("Predict first\n  why")._render_traceback_() == ["Predict first", "  why"]


def test_skipping_opens_the_demo_and_is_recorded(store, shown, learner):
    learner.step(ask.predict, "01.total")
    press(shown[0], "Skip")
    learner.step(ask.predicted, "01.total")
    assert store.prediction("01.total").how == SKIPPED
    learner.step(ask.compare, "01.total", measured="nothing")
    assert "You skipped this prediction." in repr(shown[1])


def test_what_was_answered_comes_back_and_is_fixed_once_compared(store, shown, learner):
    store.predict("01.total", 0, ANSWERED)
    learner.step(ask.predict, "01.total")
    assert widgets_of(shown[0], "RadioButtons")[0].value == 0
    assert "You answered “not at all”" in repr(shown[0])
    learner.step(ask.compare, "01.total", measured="2.0 s and 2.0 s")
    assert "That is what happened." in repr(shown[1])
    widgets_of(shown[0], "RadioButtons")[0].value = 1
    press(shown[0], "Commit")
    assert store.prediction("01.total").choice == 0
    learner.step(ask.predict, "01.total")
    assert widgets_of(shown[2], "RadioButtons")[0].disabled


def test_compare_says_what_was_predicted_measured_and_why(store, shown, learner):
    store.predict("01.total", 1, ANSWERED)
    learner.step(ask.compare, "01.total", measured="2.0 s")
    assert repr(shown[0]) == (
        "Compare 01.total\nHow much shorter is `total`?\nMeasured: 2.0 s\n"
        "You predicted “half”. It turned out differently: “not at all”.\nWhy: The model is not faster."
    )


def test_compare_reveals_nothing_before_a_prediction(store, shown, learner):
    learner.step(ask.compare, "01.total", measured="2.0 s")
    assert "Predict first" in repr(shown[0])
    assert "not faster" not in repr(shown[0])
    assert "2.0 s" not in repr(shown[0])


def test_one_sentence_is_kept_and_comes_back(store, shown, learner):
    store.predict("01.total", 1, ANSWERED)
    learner.step(ask.compare, "01.total", measured="2.0 s")
    press(shown[0], "Keep")
    assert "Write a few words first" in texts(shown[0])
    widgets_of(shown[0], "Textarea")[0].value = " The model sets the pace. "
    press(shown[0], "Keep")
    assert store.explanation("01.total") == "The model sets the pace."
    learner.step(ask.compare, "01.total", measured="2.0 s")
    assert widgets_of(shown[1], "Textarea")[0].value == "The model sets the pace."


def test_a_quiz_answer_is_judged_with_its_reason_stored_and_restored(store, shown, learner):
    learner.step(ask.quiz, "01")
    press(shown[0], "Answer")
    assert "Choose an answer first" in texts(shown[0])
    radio = widgets_of(shown[0], "RadioButtons")[0]
    radio.value = 1
    press(shown[0], "Answer")
    assert "Not this one. The answer is “total”." in texts(shown[0])
    assert "nothing but the first token" in texts(shown[0])
    radio.value = 0
    press(shown[0], "Answer")
    assert "Right." in texts(shown[0])
    assert store.answers("quiz:01")["01.metric"].tries == 2
    learner.step(ask.quiz, 1)
    assert "Right." in texts(shown[1])


def test_a_recalled_question_is_asked_afresh(store, shown, learner):
    store.answer("quiz:01", "01.metric", 0, True)
    learner.step(ask.recall, "02")
    assert widgets_of(shown[0], "RadioButtons")[0].value is None
    learner.step(ask.recall, "01")
    assert "Nothing to recall" in repr(shown[1])


def test_without_anybody_the_demo_opens_and_that_is_recorded(store, shown):
    ask.predict("01.total")
    ask.predicted("01.total")
    assert store.prediction("01.total").how == UNATTENDED
    assert repr(shown[0]) == STATIC
    assert shown[0].widget is None


def test_without_anybody_what_was_answered_before_changes_no_output(store, shown):
    def outputs():
        shown.clear()
        ask.predict("01.total")
        ask.compare("01.total", measured="2.0 s")
        ask.quiz("01")
        ask.recall("02")
        return [panel._repr_mimebundle_() for panel in shown]

    fresh = outputs()
    store.predict("01.total", 1, ANSWERED)
    store.answer("quiz:01", "01.metric", 1, False)
    store.explain("01.total", "because")
    assert outputs() == fresh
    assert store.prediction("01.total").choice == 1
    assert not store.prediction("01.total").revealed


def test_a_static_quiz_lists_the_choices_and_not_the_answers(course, shown):
    ask.quiz("01")
    assert "( ) total\n  ( ) time to first token" in repr(shown[0])
    assert "nothing but the first token" not in repr(shown[0]) + shown[0].markup


def test_an_unknown_question_is_an_error_with_the_close_ones(course):
    for call in (ask.predict, ask.predicted, lambda id: ask.compare(id, measured="x")):
        with pytest.raises(ExerciseError, match=r"01\.total"):
            call("01.totla")


def test_nbclient_passes_the_gate_and_leaves_static_outputs(course, store, monkeypatch):
    monkeypatch.delenv("COURSE_UNATTENDED", raising=False)
    cells = [
        "from course_lib import compare, predict, predicted",
        'predict("01.total")',
        'predicted("01.total")\nprint("the demo ran")',
        'compare("01.total", measured="2.0 s")',
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    with kernel_by_socket() as config:
        NotebookClient(notebook, timeout=60, kernel_name="python3", config=config).execute()
    nbformat.validate(notebook)
    bundle = notebook.cells[1].outputs[0].data
    assert bundle["text/plain"] == STATIC
    assert set(bundle) == {"text/plain", "text/html"}
    assert notebook.cells[2].outputs[0].text == "the demo ran\n"
    assert store.prediction("01.total").how == UNATTENDED

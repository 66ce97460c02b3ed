"""Questions in a lesson: predict before a demo, compare after it, a quiz at the end, a recall at the start.

Rule: a demo opens only after its prediction was stored or skipped; when nobody can answer (see attendance) it opens
by itself and that is recorded. Then the output is the same on every machine, whatever was answered before.
Left out: what the boxes look like (forms, panels).
"""

from course_lib.errors import PredictFirst
from course_lib.grading.exercises import Course
from course_lib.notebook import forms
from course_lib.notebook.attendance import attendance
from course_lib.notebook.panels import message
from course_lib.notebook.questions import Question, find_prediction, lesson_quiz, number_of, recall_questions
from course_lib.notebook.store import ANSWERED, UNATTENDED, store_of


def predict(id: str) -> None:
    """Show the prediction question `id` ("03.crlf") and store the answer. Raises ExerciseError for an unknown id."""
    course = Course.find()
    question = find_prediction(course.root, id)
    if attendance.unattended():
        forms.static_prediction(question).show()
        return
    forms.prediction_form(question, store_of(course)).show()
    attendance.question_shown(id)


def predicted(*ids: str) -> None:
    """First line of a demo cell: raises PredictFirst until each question was answered or skipped.

    A run by itself ("Run All", nbclient, nbval, scripts) counts as skipping.
    """
    course = Course.find()
    store = store_of(course)
    unattended = attendance.unattended()
    missing = []
    for id in ids:
        question = find_prediction(course.root, id)
        if store.prediction(id) is not None:
            continue
        if unattended or attendance.queued_before(id):
            store.predict(id, None, UNATTENDED)
        else:
            missing.append(question)
    if missing:
        asked = all(attendance.was_shown(question.id) for question in missing)
        todo = (
            "Choose an answer above and press Commit" if asked else "Run the cell above that asks, choose, press Commit"
        )
        lines = "\n".join(f"  {question.id}: {question.question}" for question in missing)
        raise PredictFirst(f"Predict first: what do you expect?\n{lines}\n{todo} (or Skip), then run this cell again.")


def compare(id: str, measured: object) -> None:
    """After the demo: the prediction, what was measured (shown as `str`), and why; with a box for one sentence."""
    course = Course.find()
    question = find_prediction(course.root, id)
    store = store_of(course)
    unattended = attendance.unattended()
    prediction = None if unattended else store.prediction(id)
    if prediction is None and not unattended:
        message(
            "Predict first",
            f"There is no prediction for {id} yet: {question.question}",
            "Answer it above or press Skip, run the demo, then run this cell again.",
            tone="look",
        ).show()
        return
    if prediction is not None and prediction.how != UNATTENDED:
        store.reveal(id)
    choice = prediction.choice if prediction is not None and prediction.how == ANSWERED else None
    forms.comparison(question, str(measured), choice, prediction, None if unattended else store).show()


def quiz(lesson: str) -> None:
    """The quiz of a lesson ("03"): each answer is judged at once, with the reason. Raises ExerciseError if unknown."""
    course = Course.find()
    questions, number = lesson_quiz(course.root, lesson).quiz, number_of(lesson)
    _ask_all(course, f"quiz:{number}", f"Quiz of lesson {number}", list(questions))


def recall(lesson: str) -> None:
    """Three quiz questions from lessons n-1, n-3 and n-6, as far as they exist; the same ones each time."""
    course = Course.find()
    questions = recall_questions(course.root, lesson)
    if not questions:
        message("Recall", "Nothing to recall yet: this is where the course begins.").show()
        return
    _ask_all(course, f"recall:{number_of(lesson)}", "Recall: do you still know?", list(questions))


def _ask_all(course: Course, place: str, title: str, questions: list[Question]) -> None:
    if attendance.unattended():
        forms.static_quiz(title, questions).show()
    else:
        forms.quiz_form(title, questions, place, store_of(course)).show()

"""The forms behind predict, compare, quiz and recall: radio buttons where someone can click, and their static twins.

Rule: a callback may come on another thread, so it reads and writes the store and its own widgets, nothing else.
Left out: when a form may be shown and what follows from an answer (ask).
"""

from typing import Any

from course_lib.notebook.panels import Panel, box, listing, paragraphs
from course_lib.notebook.questions import Question
from course_lib.notebook.store import ANSWERED, SKIPPED, Answer, Prediction, Store

# A radio label of ipywidgets is one line, with the button behind the text; choices are sentences and must wrap.
_STYLE = """<style>
.course-form .widget-radio, .course-form .widget-radio-box {width: auto; height: auto; max-width: 75ch}
.course-form .widget-radio-box label {display: flex; flex-direction: row-reverse; justify-content: flex-end;
  align-items: flex-start; gap: 8px; width: auto; height: auto; margin: 0; line-height: 1.6; white-space: normal}
.course-form .widget-radio-box input {flex: none; margin: 0}
.course-form .widget-html-content {line-height: 1.5}
.course-asks {border-left: 4px solid var(--jp-brand-color1, #1976d2); padding-left: 12px}
</style>"""
_TO_ANSWER = "To answer, run this cell in JupyterLab."


def static_prediction(question: Question) -> Panel:
    """The question and its choices, for a page on which nobody can click."""
    return _static(f"Predict {question.id}", [question], _TO_ANSWER)


def prediction_form(question: Question, store: Store) -> Panel:
    """Radio buttons, Commit and Skip; opens with what is stored."""
    import ipywidgets as widgets

    radio = _radio(question)
    commit = widgets.Button(description="Commit", button_style="primary", tooltip="Store this prediction")
    skip = widgets.Button(description="Skip", tooltip="Open the demo without a prediction")
    status = widgets.HTML()

    def refresh(hint: str = "") -> None:
        now = store.prediction(question.id)
        status.value = _live(paragraphs(hint or _prediction_state(question, now)))
        radio.disabled = commit.disabled = skip.disabled = bool(now and now.revealed)

    def on_commit(_: object) -> None:
        if radio.value is None:
            refresh("Choose an answer first; a guess is fine. Or press Skip.")
            return
        store.predict(question.id, radio.value, ANSWERED)
        refresh()

    def on_skip(_: object) -> None:
        if store.predict(question.id, None, SKIPPED):
            radio.value = None
        refresh()

    commit.on_click(on_commit)
    skip.on_click(on_skip)
    stored = store.prediction(question.id)
    radio.value = stored.choice if stored else None
    refresh()
    heading = widgets.HTML(f"{_STYLE}<strong>Predict {question.id}</strong>{paragraphs(question.question)}")
    form = _column([heading, radio, widgets.HBox([commit, skip]), status], "course-asks")
    twin = _static(f"Predict {question.id}", [question], _prediction_state(question, stored))
    return Panel(twin.text, twin.markup, form)


def _prediction_state(question: Question, stored: Prediction | None) -> str:
    if stored is None:
        return "The demo below waits for your answer."
    if stored.how == ANSWERED and stored.choice is not None:
        rest = "The demo has shown what is true." if stored.revealed else "The demo is open; you can still change this."
        return f"You answered “{question.choices[stored.choice]}”. {rest}"
    if stored.how == SKIPPED:
        return "You skipped this one. The demo is open."
    return "The demo ran by itself. You can still answer."


def comparison(
    question: Question, measured: str, choice: int | None, prediction: Prediction | None, store: Store | None
) -> Panel:
    """What was predicted, measured and true. `store` None: static, without the box for a sentence."""
    right = choice == question.answer
    lines = [question.question, f"Measured: {measured}"]
    if choice is not None:
        verdict = "That is what happened." if right else f"It turned out differently: “{question.truth}”."
        lines.append(f"You predicted “{question.choices[choice]}”. {verdict}")
    else:
        lines.append(f"So the answer is “{question.truth}”.")
    if prediction is not None and prediction.how == SKIPPED:
        lines.append("You skipped this prediction.")
    lines.append(f"Why: {question.why}")
    title = f"Compare {question.id}"
    markup = box(title, paragraphs(*lines), "info" if choice is None else "good" if right else "look")
    text = "\n".join([title, *lines])
    return Panel(text, markup, None if store is None else _explanation_form(question, markup, store))


def _explanation_form(question: Question, markup: str, store: Store) -> Any:
    import ipywidgets as widgets

    sentence = widgets.Textarea(
        value=store.explanation(question.id),
        placeholder="In one sentence of your own: why did it turn out like this?",
        layout=widgets.Layout(width="auto", max_width="75ch", height="4.5em"),
        continuous_update=True,
    )
    keep = widgets.Button(description="Keep", tooltip="Store this sentence")
    status = widgets.HTML()

    def on_keep(_: object) -> None:
        if text := sentence.value.strip():
            store.explain(question.id, text)
            status.value = _live(paragraphs("Kept."))
        else:
            status.value = _live(paragraphs("Write a few words first."))

    keep.on_click(on_keep)
    ask = widgets.HTML(paragraphs("Why did it turn out like this? One sentence of your own:"))
    return _column([widgets.HTML(_STYLE + markup), ask, sentence, widgets.HBox([keep, status])])


def static_quiz(title: str, questions: list[Question]) -> Panel:
    """All questions with their choices, without the answers."""
    return _static(title, questions, _TO_ANSWER)


def quiz_form(title: str, questions: list[Question], place: str, store: Store) -> Panel:
    """Every question with radio buttons; its answer is judged when Answer is pressed, and can be tried again."""
    import ipywidgets as widgets

    answers = store.answers(place)
    parts = [widgets.HTML(f"{_STYLE}<strong>{title}</strong>")]
    for number, question in enumerate(questions, 1):
        parts.append(_quiz_item(number, question, place, store, answers.get(question.id)))
    twin = static_quiz(title, questions)
    return Panel(twin.text, twin.markup, _column(parts, "course-asks"))


def _quiz_item(number: int, question: Question, place: str, store: Store, given: Answer | None) -> Any:
    import ipywidgets as widgets

    radio = _radio(question)
    button = widgets.Button(description="Answer", tooltip=f"Answer question {number}")
    feedback = widgets.HTML()

    def judge(choice: int) -> None:
        right = choice == question.answer
        verdict = "Right." if right else f"Not this one. The answer is “{question.truth}”."
        body = paragraphs(question.why)
        feedback.value = _live(box(verdict, body, "good" if right else "look"))

    def on_answer(_: object) -> None:
        if radio.value is None:
            feedback.value = _live(paragraphs("Choose an answer first."))
            return
        store.answer(place, question.id, radio.value, radio.value == question.answer)
        judge(radio.value)

    button.on_click(on_answer)
    if given is not None and given.choice < len(question.choices):
        radio.value = given.choice
        judge(given.choice)
    heading = widgets.HTML(paragraphs(f"{number}. {question.question}"))
    return _column([heading, radio, button, feedback])


def _static(title: str, questions: list[Question], note: str) -> Panel:
    text, body = [title], ""
    for number, question in enumerate(questions, 1):
        asked = question.question if len(questions) == 1 else f"{number}. {question.question}"
        text += [asked, *(f"  ( ) {choice}" for choice in question.choices)]
        body += paragraphs(asked) + listing(list(question.choices))
    return Panel("\n".join([*text, note]), box(title, body + paragraphs(note), "ask"))


def _radio(question: Question) -> Any:
    import ipywidgets as widgets

    labels = [choice.replace("`", "") for choice in question.choices]  # a radio label shows no markup
    return widgets.RadioButtons(options=list(zip(labels, range(len(labels)), strict=True)), value=None)


def _column(children: list[Any], *classes: str) -> Any:
    import ipywidgets as widgets

    column = widgets.VBox(children)
    for name in ("course-form", *classes):
        column.add_class(name)
    return column


def _live(markup: str) -> str:
    """Announced by a screen reader when it changes."""
    return f'<div role="status" aria-live="polite">{markup}</div>'

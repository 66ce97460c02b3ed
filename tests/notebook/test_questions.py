"""Question files: the project's own are right, and a wrong one is named with file and question."""

from pathlib import Path

import pytest

from course_lib.errors import ExerciseError
from course_lib.notebook.questions import (
    find_prediction,
    lesson_quiz,
    load_questions,
    number_of,
    read_questions,
    recall_questions,
)

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"id": '"a"', "question": '"Q?"', "choices": '["x", "y"]', "answer": "1", "why": '"W."'}


def text(kind="quiz", **changes):
    fields = {**GOOD, **changes}
    return f"[[{kind}]]\n" + "\n".join(f"{name} = {value}" for name, value in fields.items() if value is not None)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks" / "questions").mkdir(parents=True)
    return tmp_path


def write(root, lesson, *parts):
    path = root / "notebooks" / "questions" / f"{lesson}.toml"
    path.write_text("\n".join(parts), "utf-8")
    return path


def test_all_question_files_of_the_course_are_right_and_belong_to_a_lesson():
    for questions in load_questions(ROOT).values():
        assert (ROOT / "notebooks" / f"{questions.lesson}.ipynb").exists()
        assert questions.predict or questions.quiz


def test_a_lesson_is_named_by_its_number_however_it_is_written():
    assert [number_of(lesson) for lesson in ("03", "3", 3, "03_sse_format", "12", 12)] == ["03"] * 4 + ["12"] * 2
    for wrong in (None, "", "sse", "123", [], -1):
        with pytest.raises(ExerciseError, match="named by its number"):
            number_of(wrong)


def test_a_question_is_known_by_lesson_and_id(root):
    write(root, "03_sse", text("predict"), text("quiz"))
    question = find_prediction(root, "03.a")
    assert (question.question, question.choices, question.truth, question.why) == ("Q?", ("x", "y"), "y", "W.")
    assert lesson_quiz(root, "03").quiz == lesson_quiz(root, "03_sse").quiz


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[quiz", "not TOML"),
        (text("quizz"), "'quizz' is not"),
        (text().replace("[[", "[").replace("]]", "]", 1), "double brackets"),
        (text(why=None), "quiz 1 (a): field 'why' is missing"),
        (text(extra="1"), "quiz 1 (a): field 'extra' is unknown"),
        (text(id="7"), "quiz 1: id should be str"),
        (text(id='"A b"'), "lower case"),
        (text(answer='"1"'), "answer should be int"),
        (text(answer="true"), "answer should be int"),
        (text(answer="2"), "0 to 1"),
        (text(answer="-1"), "0 to 1"),
        (text(choices='["x"]'), "two to eight"),
        (text(choices='["x", ""]'), "none empty"),
        (text(choices="[1, 2]"), "two to eight texts"),
        (text(choices='["x", "x"]'), "two choices are the same"),
        (text(question='" "'), "question is empty"),
        (text(why='""'), "why is empty"),
        (text() + "\n" + text(), "two quiz questions are called 'a'"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_where(root, content, said):
    path = write(root, "03_sse", content)
    with pytest.raises(ExerciseError) as error:
        read_questions(path)
    assert str(error.value).startswith("03_sse.toml")
    assert said in str(error.value)


def test_a_file_name_is_that_of_a_lesson_and_a_lesson_has_one_file(root):
    with pytest.raises(ExerciseError, match=r"NN_topic\.toml"):
        read_questions(write(root, "sse", text()))
    (root / "notebooks" / "questions" / "sse.toml").unlink()
    write(root, "03_a", text())
    write(root, "03_b", text())
    with pytest.raises(ExerciseError, match="lesson 03 already has 03_a"):
        load_questions(root)


def test_an_unknown_question_or_lesson_shows_close_ones(root):
    write(root, "03_sse", text("predict", id='"crlf"'))
    with pytest.raises(ExerciseError, match=r"03\.crlf"):
        find_prediction(root, "03.crfl")
    with pytest.raises(ExerciseError, match="there are some for 03"):
        lesson_quiz(root, "04")


def quizzes(root, *numbers):
    for number in numbers:
        write(root, f"{number:02}_x", *(text(id=f'"q{n}"') for n in range(4)))


def lessons_asked(root, lesson):
    return sorted(question.id[:2] for question in recall_questions(root, lesson))


def test_recall_asks_one_question_of_each_of_three_lessons(root):
    quizzes(root, *range(1, 8))
    assert lessons_asked(root, "07") == ["01", "04", "06"]


def test_recall_fills_up_from_the_lessons_that_exist(root):
    quizzes(root, 1, 2, 3)
    assert lessons_asked(root, "01") == []
    assert lessons_asked(root, "02") == ["01", "01", "01"]
    assert lessons_asked(root, "04") == ["01", "03", "03"]
    assert lessons_asked(root, "44") == []


def test_recall_asks_the_same_each_time_and_something_else_in_another_lesson(root):
    quizzes(root, *range(1, 12))
    assert recall_questions(root, "05") == recall_questions(root, "05")
    asked = [recall_questions(root, f"{n:02}")[0].id[3:] for n in range(2, 13)]
    assert len(set(asked)) > 1


def test_recall_never_asks_a_question_twice(root):
    quizzes(root, 1, 2, 3)
    for lesson in ("02", "03", "04"):
        drawn = [question.id for question in recall_questions(root, lesson)]
        assert len(drawn) == len(set(drawn)) == 3

"""Starting a lesson or an exercise: everything is in its place, and nothing passes until it is filled in."""

import pytest

from course_lib.authoring.build import build, differences, read_notebook
from course_lib.authoring.scaffold import new_exercise, new_lesson
from course_lib.errors import BuildError, ExerciseError
from course_lib.grading.exercises import Course
from course_lib.notebook.questions import load_questions
from tests.mini_course import LESSON


def test_a_new_exercise_is_declared_can_be_built_and_is_not_finished(course):
    written = new_exercise(course, "triple", LESSON)
    assert all(path.exists() for path in written)
    course = Course(course.root)
    exercise = course.exercise("triple")
    assert (exercise.points(hidden=False), exercise.points(hidden=True)) == (1, 1)
    assert differences(course, LESSON) != []
    build(course, LESSON)
    assert differences(course, LESSON) == []
    assert "TODO" in exercise.title
    for kind in ("right", "wrong"):
        stub = next((course.root / "tests" / "candidates" / "triple" / kind).iterdir())
        names = {}
        exec(compile(stub.read_text("utf-8"), stub.name, "exec"), names)
        with pytest.raises(NotImplementedError):
            names["triple"]()


@pytest.mark.parametrize(
    ("id", "lesson", "said"),
    [
        ("double", LESSON, "exercises/checks/test_double.py exists already"),
        ("two words", LESSON, "no Python name"),
        ("class", LESSON, "no Python name"),
        ("triple", "02_other", "course new lesson 02_other"),
    ],
)
def test_an_exercise_that_cannot_be_started_changes_nothing(course, id, lesson, said):
    before = sorted(course.root.rglob("*"))
    with pytest.raises(BuildError, match=said):
        new_exercise(course, id, lesson)
    assert sorted(course.root.rglob("*")) == before


def test_an_exercise_for_a_notebook_that_cannot_be_read_leaves_no_files_behind(course):
    (course.root / "solutions" / f"{LESSON}.ipynb").write_text("{", "utf-8")
    before = sorted(course.root.rglob("*"))
    with pytest.raises(BuildError, match="can't be read"):
        new_exercise(course, "triple", LESSON)
    assert sorted(course.root.rglob("*")) == before


def test_a_new_lesson_has_its_three_files_and_its_questions_wait_to_be_written(course):
    written = new_lesson(course, "05_sse_server")
    assert sorted(path.relative_to(course.root).as_posix() for path in written) == [
        "notebooks/05_sse_server.ipynb",
        "notebooks/questions/05_sse_server.toml",
        "solutions/05_sse_server.ipynb",
    ]
    assert 'recall("05")' in [cell.source for cell in read_notebook(written[1]).cells]
    with pytest.raises(ExerciseError, match=r"05_sse_server\.toml, predict 1 \(first\): question is empty"):
        load_questions(course.root)
    new_exercise(course, "triple", "05_sse_server")


@pytest.mark.parametrize(
    ("lesson", "said"), [("1_x", "NN_topic"), ("05_Big", "NN_topic"), ("01_other", "lesson 01 exists")]
)
def test_a_lesson_that_cannot_be_started_says_why(course, lesson, said):
    with pytest.raises(BuildError, match=said):
        new_lesson(course, lesson)

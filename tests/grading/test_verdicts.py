"""Verdicts: declared points, learner's words, and the same result from the warm judge and from plain pytest."""

import subprocess
import sys

import pytest

from course_lib.errors import ExerciseError
from course_lib.grading.batch import grade_file
from course_lib.grading.exercises import Course
from course_lib.grading.judge import Judge
from course_lib.grading.loading import load
from course_lib.grading.report import as_text
from course_lib.grading.submissions import read_submissions
from tests.grading.conftest import CHECKS, RIGHT


def written(tmp_path, source):
    path = tmp_path / "submission.py"
    path.write_text(source)
    return path


def graded(course, tmp_path, source, hidden=True):
    return grade_file(written(tmp_path, source), course.exercise("double"), hidden)


def test_declared_points_are_read_without_running_anything(course):
    exercise = course.exercise("double")
    assert (exercise.points(hidden=False), exercise.points(hidden=True), exercise.points()) == (4, 3, 7)
    assert [check.deadline for check in exercise.checks] == [None, None, 1, None]
    assert exercise.checks[1].notes == "The same fault in production: nobody/nothing issue 1."


def test_a_right_submission_earns_every_point(course, tmp_path):
    result = graded(course, tmp_path, RIGHT)
    assert (result.points, result.max_points, result.outcome) == (7, 7, "correct")
    assert result.summary() == "double: correct, 4 of 4 visible points; 3 of 3 hidden"
    assert graded(course, tmp_path, RIGHT, hidden=False).summary().endswith("hidden not run")


@pytest.mark.parametrize(
    "source",
    ["", "def double(:", "import os\nos._exit(0)", "raise SystemExit", "def double(n):\n    raise NotImplementedError"],
)
def test_code_that_does_not_load_or_is_no_attempt_earns_nothing_of_all_points(course, tmp_path, source):
    result = graded(course, tmp_path, source)
    assert (result.points, result.max_points) == (0, 7)
    assert result.outcome != "correct"


def test_a_failing_check_shows_behaviour_input_expected_and_got(course, tmp_path):
    text = as_text(graded(course, tmp_path, "def double(n):\n    return n", hidden=False))
    for part in ("A number is doubled.", "double(1)", "expected:     2", "got:          1", "read on:      lesson 01"):
        assert part in text


def test_two_long_lists_are_not_compared_line_by_line_on_a_ci_machine(course, tmp_path, monkeypatch):
    """Where CI is set pytest makes a full diff, which takes minutes; then the judge would give no verdict at all."""
    file = course.root / "exercises" / "checks" / "test_double.py"
    check = """
@points(1)
def test_many(submission):
    \"\"\"Many numbers are doubled.\"\"\"
    assert submission.double(list(range(30_000)))[:30_000] == [7] * 30_000
"""
    file.write_text(file.read_text() + check)
    monkeypatch.setenv("CI", "true")
    submission = read_submissions([written(tmp_path, RIGHT)], course, course.exercise("double"))[0]
    fresh = Judge()  # the warm one was started without CI
    try:
        with load(submission, course.exercise("double")) as host:
            checks = fresh.verdict(course.exercise("double"), host).checks
    finally:
        fresh.stop()
    assert {check.name: check.outcome for check in checks}["test_many"] == "failed"


def test_a_missing_exception_is_said_in_words(course, tmp_path):
    text = as_text(graded(course, tmp_path, "def double(n):\n    return n * 2", hidden=False))
    for part in ("double('ab')", "raises TypeError", "gave 'abab'", "nobody/nothing issue 1"):
        assert part in text


def test_an_exception_shows_the_line_of_the_learner(course, tmp_path):
    text = as_text(graded(course, tmp_path, "def double(n):\n    return n / 0", hidden=False))
    assert "raised ZeroDivisionError: division by zero" in text
    assert "line 2: return n / 0" in text


def test_a_hidden_check_tells_its_behaviour_and_no_input(course, tmp_path):
    text = as_text(graded(course, tmp_path, RIGHT.replace("number * 2", "int(number) * 2")))
    assert "A float stays a float. (hidden)" in text
    assert "1.0" not in text


def test_types_count_in_marks(course, tmp_path):
    result = graded(course, tmp_path, RIGHT + "\n_int = double\ndef double(n):\n    return float(_int(n))")
    assert [check.outcome for check in result.checks] == ["failed", "passed", "failed", "passed"]


def test_a_parametrised_check_counts_once_and_all_its_cases_must_pass(course, tmp_path):
    result = graded(course, tmp_path, RIGHT.replace("return", "return 0 if number == -2 else"))
    assert [check.points for check in result.checks] == [2, 1, 0, 3]


def test_a_check_does_not_see_what_an_earlier_one_left_behind(course, tmp_path):
    source = (
        RIGHT
        + "\ncalls = []\n_double = double\ndef double(n):\n    calls.append(n)\n"
        + "    return _double(n) if len(calls) < 5 else None"
    )
    assert graded(course, tmp_path, source).outcome == "correct"


def test_the_same_submission_gives_the_same_report_twice(course, tmp_path):
    source = "def double(n):\n    return {n, 'a', 'b'}.__len__() + hash('x')"
    assert graded(course, tmp_path, source).as_dict() == graded(course, tmp_path, source).as_dict()


def test_plain_pytest_gives_the_same_marks(course, tmp_path):
    (tmp_path / "wrong.py").write_text("def double(n):\n    return n * 2")
    (tmp_path / "right.py").write_text(RIGHT)

    def run(name):
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--submission",
                str(tmp_path / name),
                "exercises",
            ],
            cwd=course.root,
            capture_output=True,
            text=True,
            timeout=60,
        )

    right, wrong = run("right.py"), run("wrong.py")
    assert right.returncode == 0, right.stdout
    assert "double: correct so far, 4 of 4 visible points; hidden not run" in right.stdout
    assert wrong.returncode == 1
    assert "raises TypeError" in wrong.stdout
    assert "double: not yet, 3 of 4 visible points; hidden not run" in wrong.stdout


def test_an_exercise_that_does_not_exist_is_named_with_its_neighbours(course):
    with pytest.raises(ExerciseError, match="did you mean double"):
        course.exercise("duoble")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"hints": ["a", "b", "c"]', '"hints": ["a", "b"]'), "exactly three hints"),
        (('"kind": "value"', '"kind": "other"'), "none of value"),
        (('"easy": True,', ""), "missing fields: easy"),
        (("@points(2)\n", ""), "needs @points"),
        (('"""A number is doubled."""', "pass"), "docstring"),
        (("EXERCISE = {", "EXERCISE = {} or {"), "not a literal"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_reason(course, change, message):
    (course.root / "exercises" / "checks" / "test_double.py").write_text(CHECKS.replace(*change))
    with pytest.raises(ExerciseError, match=message):
        Course(course.root).exercises()


def test_a_message_is_cut_where_a_check_puts_the_answer_into_it(course, tmp_path):
    file = course.root / "exercises" / "checks" / "test_double.py"
    for number, line in enumerate(("assert not got, f'it gave {got}'", "pytest.fail(got)", "raise KeyError(got)")):
        check = f'def test_{number}(submission):\n    """It."""\n    got = submission.double(1)\n    {line}\n'
        file.write_text(f"{file.read_text()}\n@points(1)\n{check}")
    result = graded(Course(course.root), tmp_path, "def double(number):\n    return 'x' * 1_000_000")
    assert max(len(check.message) for check in result.checks) < 5000
    assert {check.outcome for check in result.checks} == {"failed"}

"""The `course` command as people call it: output, exit status, wrong usage."""

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from course_lib.authoring.build import read_notebook
from course_lib.notebook.store import store_of
from tests.mini_course import LESSON


@pytest.fixture
def command(course):
    def run(*arguments):
        code = "from course_lib.cli import main; main()"
        wide = {**os.environ, "COLUMNS": "200"}  # messages are not wrapped
        line = [sys.executable, "-c", code, *arguments]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, env=wide)

    return run


def test_version_and_help(command):
    assert command("--version").stdout == f"course {version('streaming-course')}\n"
    shown = command("--help").stdout
    for name in ("list", "progress", "reset", "doctor", "serve", "build", "new"):
        assert name in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["reset", "duoble"], "did you mean double"),
        (["reset"], "Missing argument"),
        (["build", "--check", "--run"], "give one of them"),
        (["serve", "openai_api", "--port", "70000"], "65535"),
        (["serve", "no_such_app"], "no_such_app"),
    ],
)
def test_wrong_usage_is_exit_status_2_and_a_message_without_a_traceback(command, arguments, said):
    result = command(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_list_shows_lessons_exercises_and_points(command):
    lines = command("list").stdout.splitlines()
    assert lines[1].split() == [LESSON, "double", "value", "1", "2", "2"]
    assert lines[-1] == "2 exercises, 4 points"


def test_progress_prints_the_table_of_the_notebook(command, course):
    store_of(course).record_check("double", "correct", 2, 2)
    lines = command("progress").stdout.splitlines()
    assert lines[1].split() == ["01", "double", "2", "of", "2", "correct"]
    assert lines[-2:] == [
        "2 of 4 visible points, 1 of 2 exercises correct",
        "Next: predict 01.total in notebooks/01_mini.ipynb.",
    ]


def test_reset_tells_where_the_code_went(command, course):
    path = course.exercise("double").notebook
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][3]["source"] = ["mine"]
    path.write_text(json.dumps(notebook), "utf-8")
    assert "backup/double-1.py" in command("reset", "double").stdout
    assert "already" in command("reset", "double").stdout


def test_build_checks_derives_and_runs(command, course):
    path = course.root / "exercises" / f"{LESSON}.ipynb"
    path.unlink()
    checked = command("build", "--check")
    assert checked.returncode == 1
    assert f"exercises/{LESSON}.ipynb is missing" in checked.stdout
    ran = command("build", "--run", "exercises", "01")
    assert ran.returncode == 0, ran.stderr
    assert f"{LESSON}: derived" in ran.stdout
    assert f"exercises/{LESSON}.ipynb: " in ran.stdout
    assert "not attempted" in str(read_notebook(path).cells[4].outputs)
    assert command("build", "--check", "exercises").returncode == 0


def test_a_solution_that_cannot_be_built_is_exit_status_1(command, course):
    path = course.root / "solutions" / f"{LESSON}.ipynb"
    path.write_text(path.read_text("utf-8").replace("### END SOLUTION", ""), "utf-8")
    result = command("build")
    assert result.returncode == 1
    assert f"solutions/{LESSON}.ipynb, cell 4 (double): BEGIN SOLUTION without" in result.stderr


def test_new_lesson_and_new_exercise_say_what_to_fill(command):
    assert "notebooks/02_more.ipynb" in command("new", "lesson", "02_more").stdout
    assert "exercises/checks/test_triple.py" in command("new", "exercise", "triple", "--lesson", "02_more").stdout


def test_doctor_says_what_the_machine_has(command):
    result = command("doctor")
    assert result.returncode == 0
    assert "jupyterlab" in result.stdout

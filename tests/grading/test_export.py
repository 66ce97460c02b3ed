"""The autograder for Gradescope: what is in the zip, and that its run_autograder grades in a clean folder.

Rule: nothing is installed here. `course` and Python are this environment's, the library is the one in the zip.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import jsonschema
import nbformat
import pytest

from course_lib.errors import MisuseError
from course_lib.grading.exercises import Course
from course_lib.grading.export import NOT_INSTALLED, gradescope_zip
from tests.grading.test_formats import GRADESCOPE
from tests.test_layers import imports

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course(ROOT)
EXERCISE = COURSE.exercise("parse_sse_stream")
WRONG = ROOT / "tests" / "candidates" / EXERCISE.id / "wrong" / "splitlines.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GRADES = 'exec "$(dirname "$0")/python" -c "from course_lib.cli import main; main()" "$@"'


@pytest.fixture
def packed(tmp_path):
    gradescope_zip(COURSE, [EXERCISE], tmp_path / "autograder.zip")
    return tmp_path / "autograder.zip"


@pytest.fixture
def autograder(packed, tmp_path):
    """Gradescope's folder /autograder, at another place, as it is when a submission arrives."""
    root = tmp_path / "autograder"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(root / "source")
    (root / "submission").mkdir()
    (root / "results").mkdir()
    (root / "submission_metadata.json").write_text("{}")
    program(root / "venv" / "bin" / "python", f'export PYTHONPATH="$COURSE_ROOT"; exec {sys.executable} "$@"')
    program(root / "venv" / "bin" / "course", GRADES)
    return root


def program(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def run(root):
    """Runs it with an environment of its own; gives the exit status, what it said, and the result."""
    line = ["bash", root / "source" / "run_autograder"]
    env = {"PATH": os.defpath, "AUTOGRADER_ROOT": str(root)}
    done = subprocess.run(line, cwd=root, env=env, capture_output=True, text=True, timeout=120)
    results = json.loads((root / "results" / "results.json").read_text("utf-8"))
    jsonschema.validate(results, GRADESCOPE)
    return done.returncode, done.stdout + done.stderr, results


def names(zipped):
    with zipfile.ZipFile(zipped) as archive:
        return archive.namelist()


def test_the_same_course_gives_the_same_bytes_whatever_the_times_and_permissions_of_its_files(packed, tmp_path):
    copy = tmp_path / "copy"
    for folder in ("exercises", "solutions"):
        shutil.copytree(ROOT / folder, copy / folder)
    for path in copy.rglob("*.*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    gradescope_zip(Course(copy), [Course(copy).exercise(EXERCISE.id)], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert {name for name, mode in modes.items() if mode & 0o777 == 0o755} == {"setup.sh", "run_autograder"}
    assert all(mode & 0o777 == 0o644 for name, mode in modes.items() if name not in ("setup.sh", "run_autograder"))


def test_the_zip_holds_the_library_and_the_checks_of_what_was_chosen_but_no_solutions(packed):
    found = {name for name in names(packed) if not name.startswith("course_lib/")}
    assert found == {
        "setup.sh", "run_autograder", "requirements.txt", "failed.json", "pyproject.toml", "README.md", "LICENSE",
        "exercises/03_sse_format.ipynb",
        "exercises/checks/test_parse_sse_stream.py", "solutions/checks/test_parse_sse_stream.py",
    }  # fmt: skip
    library = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course_lib").rglob("*.py")}
    assert library <= set(names(packed))
    assert not [name for name in names(packed) if "__pycache__" in name]


def test_exercises_of_two_lessons_none_and_a_course_without_solutions_are_refused(tmp_path):
    with pytest.raises(MisuseError, match="these are of 02_bytes_on_the_wire, 03_sse_format"):
        gradescope_zip(COURSE, [COURSE.exercise("encode_chunk"), EXERCISE], tmp_path / "x.zip")
    with pytest.raises(MisuseError, match="these are of none"):
        gradescope_zip(COURSE, [], tmp_path / "x.zip")
    shutil.copytree(ROOT / "exercises", tmp_path / "exercises")
    handed_out = Course(tmp_path)
    with pytest.raises(MisuseError, match=r"not here: solutions/checks/test_parse_sse_stream\.py"):
        gradescope_zip(handed_out, [handed_out.exercise(EXERCISE.id)], tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_the_image_gets_all_packages_of_the_course_but_those_for_a_browser(autograder):
    source = autograder / "source"
    subprocess.run(["bash", "-n", source / "setup.sh"], check=True)
    subprocess.run(["bash", "-n", source / "run_autograder"], check=True)
    setup = (source / "setup.sh").read_text()
    assert 'pip install -r "$root/source/requirements.txt"' in setup
    assert 'pip install --no-deps "$root/source"' in setup
    oldest = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["requires-python"])
    assert f"sys.version_info < ({oldest[1]}, {oldest[2]})" in setup
    assert "://" not in setup
    installed = (source / "requirements.txt").read_text().splitlines()
    left_out = {re.split(r"[^\w.-]", pin)[0] for pin in PROJECT["dependencies"] if pin not in installed}
    assert set(installed) <= set(PROJECT["dependencies"])
    assert left_out == NOT_INSTALLED


def test_pip_installs_every_file_that_the_library_reads():
    """The image holds what pip made of the zip, not a checkout."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    kinds = {Path(pattern).suffix for pattern in data["course_lib"]}
    files = [path for path in (ROOT / "course_lib").rglob("*.*") if path.suffix not in (".py", ".pyc", ".typed")]
    assert files
    assert not [path.name for path in files if path.suffix not in kinds]


def test_neither_the_judge_nor_a_check_needs_a_package_that_is_left_out():
    """Of all exercises, so that a new one that needs such a package is noticed here and not on Gradescope."""
    checks = [exercise.check_file(hidden) for exercise in COURSE.exercises() for hidden in (False, True)]
    files = [*(ROOT / "course_lib" / "grading").glob("*.py"), *checks]
    needed = {name for path in files for name, ours in imports(path) if not ours}
    needed |= {name for exercise in COURSE.exercises() for name in exercise.uses}
    distributions = packages_distributions()
    assert not {name for module in needed for name in distributions.get(module, ())} & NOT_INSTALLED


def test_a_right_submission_gets_every_point(autograder):
    shutil.copy(EXERCISE.solution_notebook, autograder / "submission")
    status, said, results = run(autograder)
    assert status == 0, said
    assert sum(test["score"] for test in results["tests"]) == EXERCISE.points()
    assert sum(test["max_score"] for test in results["tests"]) == EXERCISE.points()


def test_a_wrong_submission_loses_points_and_is_told_why(autograder):
    notebook = nbformat.read(EXERCISE.notebook, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("course", {}).get("exercise") == EXERCISE.id:
            cell.source = WRONG.read_text("utf-8")
    nbformat.write(notebook, autograder / "submission" / EXERCISE.notebook.name)
    status, said, results = run(autograder)
    assert status == 0, said
    assert 0 < sum(test["score"] for test in results["tests"]) < EXERCISE.points()
    assert sum(test["max_score"] for test in results["tests"]) == EXERCISE.points()
    assert all(test["output"] for test in results["tests"] if test["score"] < test["max_score"])


def test_a_file_that_is_no_notebook_gets_no_points_and_a_reason(autograder):
    (autograder / "submission" / EXERCISE.notebook.name).write_text("{")
    status, said, results = run(autograder)
    assert status == 0, said
    assert sum(test["score"] for test in results["tests"]) == 0
    assert "notebook" in results["output"]


@pytest.mark.parametrize(
    "course",
    [
        "echo 'no memory' >&2; exit 1",
        "exit 0",
        """while [ "$1" != --output ]; do shift; done; : > "$2" """,
        """while [ "$1" != --output ]; do shift; done; echo '{"tests": [' > "$2" """,
        "kill -9 $$",
    ],
    ids=["it fails", "it writes nothing", "it writes an empty file", "it is cut off", "it is killed"],
)
def test_when_grading_breaks_the_student_is_told_and_the_instructor_sees_where(autograder, course):
    program(autograder / "venv" / "bin" / "course", course)
    status, said, results = run(autograder)
    assert status != 0
    assert re.search(r"run_autograder: line \d+ failed", said)
    assert "these 0 points are not your mark" in results["output"]
    assert [(test["score"], test["max_score"]) for test in results["tests"]] == [(0, EXERCISE.points())]


def test_nobody_but_the_one_who_grades_can_read_checks_results_and_metadata(autograder):
    program(autograder / "venv" / "bin" / "course", "exit 1")
    run(autograder)
    closed = [autograder / "source" / "solutions", autograder / "results", autograder / "submission_metadata.json"]
    closed += [path for folder in closed[:2] for path in folder.rglob("*")]
    assert len(closed) >= 6
    assert not [path for path in closed if path.stat().st_mode & 0o077]

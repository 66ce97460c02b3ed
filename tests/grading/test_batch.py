"""A batch: the same entries whatever the order and the number of workers, and an entry for whatever was handed in."""

import json
import multiprocessing
import os
import threading
from pathlib import Path
from unittest import mock

import pytest

from course_lib.errors import PipeError
from course_lib.grading import batch, hosts, judge, loading, rerun, sandbox
from course_lib.grading.batch import Options, grade_all, grade_submission
from course_lib.grading.exercises import Course
from course_lib.grading.judge import wait_for_answer
from course_lib.grading.report import as_text
from course_lib.grading.submissions import read_submissions
from tests.grading.conftest import CHECKS, HIDDEN, RIGHT

RANDOM = '''
@points(2)
def test_doubles_random_numbers(submission, rng):
    """Any number is doubled."""
    for _ in range(5):
        number = rng.randrange(10**6)
        assert submission.double(number) == 2 * number
'''
STARTER = 'def double(number):\n    """Twice the number."""\n    return number\n'
SMALL_ONLY = RIGHT.replace("return number * 2", "return number * 2 if abs(number) < 1000 else number")


def notebook(path: Path, *cells: str, answer: str | None = None, shown: str = "") -> Path:
    """Writes a notebook. The cell that defines double is marked as the course marks it; `shown` stands under check."""

    def cell(source):
        course = {"exercise": "double", **({"starter": STARTER} if answer is None else {})}
        outputs = [{"output_type": "display_data", "data": {"text/plain": shown}}] if source.startswith("check") else []
        metadata = {"course": course} if "def double" in source else {}
        return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": outputs}

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [cell(source) for source in cells], "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def course(tmp_path):
    """The tiny course, with a check that uses random numbers, and with its exercise notebook."""
    for folder, text in (("exercises", CHECKS + RANDOM), ("solutions", HIDDEN)):
        path = tmp_path / folder / "checks" / "test_double.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    notebook(tmp_path / "exercises" / "01_doubling.ipynb", STARTER, 'check("double")')
    return Course(tmp_path)


@pytest.fixture
def hand_in(tmp_path, course):
    """`hand_in(name=source, ...)`: modules of students, as submissions in the order of their names."""

    def made(**sources):
        for student, source in sources.items():
            path = tmp_path / "handed_in" / student / "double.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return read_submissions([tmp_path / "handed_in"], course, course.exercise("double"))

    return made


@pytest.fixture
def grade(course, hand_in):
    """`grade(source)` is the entry of one module."""

    def graded(source, **options):
        [submission] = hand_in(alice=source)
        return grade_submission(submission, Options(str(course.root), **options))

    return graded


def outcomes(entry):
    [exercise] = entry["exercises"]
    return {check["name"]: check["outcome"] for check in exercise["checks"]}


def messages(entry, hidden=False):
    [exercise] = entry["exercises"]
    return [check["message"] for check in exercise["checks"] if check["hidden"] is hidden]


def total(entry):
    [exercise] = entry["exercises"]
    return exercise["points"], exercise["max_points"]


# ---- a pure function

ALL_KINDS = {
    "right": RIGHT,
    "wrong": "def double(number):\n    print('hm')\n    return number",
    "small": SMALL_ONLY,
    "hash": "def double(number):\n    return hash('x') + len({'a', 'b', number})",
    "address": "def double(number):\n    raise ValueError(object())",
    "syntax": "def double(:",
    "raises": RIGHT + "1 / 0\n",
    "exits": "import os\nos._exit(0)",
    "crashes": "import os\nos.kill(os.getpid(), 11)",
    "empty": "x = 1",
    "starter": STARTER,
}


def test_the_same_bytes_whatever_the_order_and_the_number_of_workers(course, hand_in):
    submissions = hand_in(**ALL_KINDS)
    options = Options(str(course.root), hidden=True, seed=3)

    def run(order, jobs):
        entries = {submission.name: entry for submission, entry in grade_all(order, options, jobs)}
        assert len(entries) == len(ALL_KINDS)
        return json.dumps([entries[name] for name in sorted(entries)])

    first = run(submissions, 1)
    assert run(submissions, 1) == first
    assert run(submissions, 3) == first
    assert run(submissions[::-1], 2) == first


def test_both_kinds_of_isolation_give_the_same_marks(course, hand_in):
    entries = {}
    for isolation in ("bubblewrap", "process"):
        options = Options(str(course.root), hidden=True, isolation=isolation)
        entries[isolation] = [grade_submission(one, options) for one in hand_in(**ALL_KINDS)]
        assert {entry.pop("isolation") for entry in entries[isolation]} == {isolation}
    assert entries["bubblewrap"] == entries["process"]


def test_the_seed_decides_the_random_inputs_and_nothing_else(grade):
    entries = [grade(SMALL_ONLY, seed=seed) for seed in (1, 2, 1)]
    assert entries[0] == entries[2]
    assert entries[0]["seed"] == 1
    first, second = (entry["exercises"][0]["checks"] for entry in entries[:2])
    differing = [one["name"] for one, other in zip(first, second, strict=True) if one != other]
    assert differing == ["test_doubles_random_numbers"]
    assert grade(RIGHT, seed=1)["exercises"] == grade(RIGHT, seed=2)["exercises"]


def test_the_entry_is_plain_data_with_the_fields_of_the_contract(grade):
    entry = grade(RIGHT, hidden=True)
    assert json.loads(json.dumps(entry)) == entry
    assert list(entry) == ["submission", "student", "isolation", "seed", "error", "problems", "exercises"]
    assert (entry["submission"], entry["student"], entry["error"], entry["problems"]) == (
        "alice/double.py",
        "alice",
        "",
        [],
    )
    assert total(entry) == (9, 9)
    assert entry["exercises"][0]["summary"] == "double: correct, 6 of 6 visible points; 3 of 3 hidden"
    assert "hidden not run" in grade(RIGHT)["exercises"][0]["summary"]


# ---- whatever is handed in

ENDS = "the process of the code ended while it was loading"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import os\nos._exit(0)", ENDS),
        ("import os\nos.kill(os.getpid(), 9)", ENDS),
        ("import ctypes\nctypes.string_at(0)", ENDS),
        ("import threading, os\nthreading.Thread(target=lambda: os._exit(3)).start()\nwhile True: pass", ENDS),
        ("while True:\n    pass", "the code did not finish loading within 3 s"),
        (
            "import time, signal\nsignal.pthread_sigmask(0, {2, 15})\ntime.sleep(600)",
            "did not finish loading within 3 s",
        ),
        (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "did not finish loading within 3 s",
        ),
    ],
)
def test_code_that_ends_or_hangs_while_it_loads_gets_nothing_of_all_points(grade, monkeypatch, source, why):
    monkeypatch.setattr(loading, "START", 3.0)
    entry = grade(source, hidden=True)
    assert total(entry) == (0, 9)
    assert set(outcomes(entry).values()) == {"failed"}
    assert all(why in message for message in messages(entry))
    assert messages(entry, hidden=True) == ["what: the code could not run\nread on: lesson 01"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def double(:", "double.py: SyntaxError: invalid syntax (<double.py>, line 1)"),
        ("import numpy", "double.py: ImportError: this exercise may use the standard library; numpy is refused"),
        ("raise SystemExit('no')", "double.py: SystemExit: no"),
        ("x = y", "double.py: NameError: name 'y' is not defined"),
        ("def f(): f()\nf()", "double.py: RecursionError: maximum recursion depth exceeded"),
        ("\0", "double.py: "),
        ("x = bytearray(9 << 30)", "double.py: MemoryError: "),
    ],
)
def test_code_that_does_not_load_gets_nothing_and_the_reason_is_said(grade, source, problem):
    entry = grade(source, hidden=True)
    assert total(entry) == (0, 9)
    assert [text[: len(problem)] for text in entry["problems"]] == [problem]
    assert all(problem[:30] in message for message in messages(entry))


def test_what_cannot_be_read_gets_nothing_of_all_points_and_the_others_theirs(course, tmp_path):
    folder = tmp_path / "handed_in"
    notebook(folder / "alice" / "01_doubling.ipynb", RIGHT, answer=RIGHT)
    for student, data in {"bob": b'{"cells": [', "carol": b"\xff\xfe\x00", "dave": b"[]"}.items():
        (folder / student).mkdir()
        (folder / student / "01_doubling.ipynb").write_bytes(data)
    submissions = read_submissions([folder], course)
    entries = {s.student: entry for s, entry in grade_all(submissions, Options(str(course.root)), 2)}
    assert total(entries.pop("alice")) == (6, 6)
    for entry in entries.values():
        assert total(entry) == (0, 6)
        assert entry["isolation"] == ""
        assert "hand" in entry["error"]
        assert all(entry["error"] in message for message in messages(entry))


def test_an_untouched_starter_is_not_attempted(grade, course, tmp_path):
    assert grade(STARTER)["exercises"][0]["outcome"] == "not attempted"
    assert grade(STARTER.replace("return number", "return number + 0"))["exercises"][0]["outcome"] == "not yet"
    commented = notebook(tmp_path / "alice.ipynb", STARTER + "# I will do this later\n", answer="")
    [submission] = read_submissions([commented], course, course.exercise("double"))
    entry = grade_submission(submission, Options(str(course.root)))
    assert entry["exercises"][0]["summary"].startswith("double: not attempted")


def test_modules_beside_a_notebook_can_be_imported_by_their_owner_only(course, tmp_path):
    folder = tmp_path / "handed_in"
    source = "from helper import twice\ndef double(number):\n    return twice(number)"
    for student in ("alice", "bob"):
        notebook(folder / student / "01_doubling.ipynb", source, answer=source)
    (folder / "alice" / "helper.py").write_text(RIGHT.replace("double", "twice"))
    entries = [grade_submission(one, Options(str(course.root))) for one in read_submissions([folder], course)]
    assert [total(entry) for entry in entries] == [(6, 6), (0, 6)]
    assert "helper" in entries[1]["problems"][0]


def test_a_cell_that_fails_is_named_and_the_rest_counts(course, tmp_path):
    path = notebook(tmp_path / "alice.ipynb", "%pip install x\nfactor = 2", "1 / 0", RIGHT, answer=RIGHT)
    entry = grade_submission(read_submissions([path], course)[0], Options(str(course.root)))
    assert total(entry) == (6, 6)
    assert entry["problems"] == ["cell 2: ZeroDivisionError: division by zero"]


# ---- what is told

TELLTALE = """
def double(number):
    print("PRINTED", number)
    if number == {number}:
        {fault}
    if isinstance(number, str):
        raise TypeError("not a number")
    return number * 2
"""


@pytest.mark.parametrize(
    ("fault", "category"),
    [
        ("return 'WRONG' + str(number)", "a wrong answer"),
        ("raise ValueError('RAISED ' + str(number))", "an error where none was expected"),
        ("raise SystemExit('RAISED')", "an answer that cannot be used"),
        ("import os; os._exit(1)", "the process ended"),
        ("return [number, print]", "a wrong answer"),
        ("raise NotImplementedError('RAISED')", "not written yet"),
    ],
)
def test_of_a_hidden_check_only_the_category_is_told(grade, fault, category):
    entry = grade(TELLTALE.format(number=1.0, fault=f"if isinstance(number, float): {fault}"), hidden=True)
    [message] = messages(entry, hidden=True)
    assert message == f"what: {category}\nread on: lesson 01"
    assert total(entry) == (6, 9)


def test_of_a_visible_check_everything_is_told(grade):
    told = messages(grade(TELLTALE.format(number=21, fault="return 'WRONG'")))[0]
    for line in ("input: double(21)", "expected: 42", "got: 'WRONG'", "printed: PRINTED 0", "read on: lesson 01"):
        assert line in told
    told = messages(grade(TELLTALE.format(number=21, fault="raise ValueError('RAISED')")))[0]
    assert "got: raised ValueError: RAISED" in told
    assert "in your code: line 5: raise ValueError('RAISED')" in told


def test_an_exception_group_is_no_type_error(grade):
    entry = grade("def double(number):\n    raise ExceptionGroup('several', [ValueError(1)])")
    assert total(entry) == (0, 6)
    assert "raised ExceptionGroup" in messages(entry)[0]


# ---- faults of ours


def test_a_sandbox_that_does_not_start_is_not_called_a_fault_of_the_code(grade, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "_python", lambda: "/nowhere/python")
        entry = grade(RIGHT, isolation="bubblewrap")
    assert set(outcomes(entry).values()) == {"error"}
    assert "the process for the code did not start" in messages(entry)[0]
    assert total(grade(RIGHT)) == (6, 6)


def test_a_judge_that_has_died_is_replaced(grade):
    assert total(grade(RIGHT)) == (6, 6)
    judge.judge().process.kill()
    judge.judge().process.wait()
    assert total(grade(RIGHT)) == (6, 6)


def test_a_judge_that_is_replaced_still_gives_the_verdicts_that_others_wait_for(course, hand_in):
    """Where workers are threads, one submission without a verdict must not cost another its marks."""
    (waiting,), options = hand_in(anna=RIGHT), Options(str(course.root))
    first, marks = judge.judge(), []
    asked, release = threading.Event(), threading.Event()

    def slow(sock, host, seconds):
        asked.set()
        release.wait()
        wait_for_answer(sock, host, seconds)

    with mock.patch.object(judge, "wait_for_answer", slow):
        thread = threading.Thread(target=lambda: marks.append(total(grade_submission(waiting, options))))
        thread.start()
        asked.wait()
    batch.no_verdict(course.exercise("double"), True, PipeError("stuck"))
    assert (first.alive, first.process.poll(), judge.judge() is first) == (False, None, False)
    release.set()
    thread.join()
    assert marks == [(6, 6)]
    assert first.process.poll() is not None


def test_a_judge_that_gives_no_verdict_is_an_error_and_the_next_gets_one(grade, monkeypatch):
    def stuck(*_):
        raise PipeError("stuck")

    with monkeypatch.context() as patched:
        patched.setattr(judge.Judge, "verdict", stuck)
        entry = grade(RIGHT)
    assert "the judge gave no verdict: stuck" in messages(entry)[0]
    assert total(entry) == (0, 6)
    assert total(grade(RIGHT)) == (6, 6)


def test_an_interrupt_while_the_code_is_loaded_leaves_nothing_running(course, hand_in, monkeypatch):
    started = []

    def interrupted(host, _):
        started.append(host)
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "run", interrupted)
    [submission] = hand_in(alice=RIGHT)
    with pytest.raises(KeyboardInterrupt):
        grade_submission(submission, Options(str(course.root)))
    assert [host.process.returncode is not None for host in started] == [True]


WORK = """
import os
from pathlib import Path
from course_lib.grading import batch
grade = batch.grade_submission
def work(submission, options):
    if submission.student == "always" and not submission.error:
        os._exit(9)
    if submission.student == "once" and not Path("{mark}").exists():
        Path("{mark}").touch()
        os._exit(9)
    return grade(submission, options)
"""


def test_a_worker_that_dies_costs_no_other_submission_its_marks(course, hand_in, tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(WORK.format(mark=tmp_path / "mark"))
    monkeypatch.syspath_prepend(str(tmp_path))
    import deadly

    monkeypatch.setattr(batch, "grade_submission", deadly.work)
    submissions = hand_in(**dict.fromkeys(("alice", "always", "bob", "carol", "once", "zoe"), RIGHT))
    graded = [(s.student, entry) for s, entry in grade_all(submissions, Options(str(course.root)), 2)]
    entries = dict(graded)
    assert len(graded) == len(entries) == 6
    given_up = entries.pop("always")
    assert given_up["error"] == "every worker that graded it died"
    assert total(given_up) == (0, 6)
    assert all(total(entry) == (6, 6) for entry in entries.values())


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_batch_that_is_left_leaves_no_process_and_no_folder(course, hand_in, tmp_path, monkeypatch, jobs):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    submissions = hand_in(alice=RIGHT, bob="while True: pass", carol="while True: pass")
    graded = grade_all(submissions, Options(str(course.root), isolation="process"), jobs)
    submission, entry = next(graded)
    assert (submission.student, total(entry)) == ("alice", (6, 6))
    graded.close()
    assert multiprocessing.active_children() == []
    assert os.listdir(folder) == []


# ---- Restart and run all

SOLUTION = RIGHT.lstrip()
IMPORT, CHECK = "from course_lib import check", 'check("double")'


@pytest.fixture
def solved(course, tmp_path):
    """The solution's notebook with what it shows; one of its cells needs what no sandbox has."""
    (tmp_path / "right.py").write_text(RIGHT)
    exercise = course.exercise("double")
    shown = as_text(batch.grade_file(tmp_path / "right.py", exercise, hidden=False), exercise.after)
    cells = (IMPORT, "import ipywidgets", SOLUTION, CHECK)
    return notebook(tmp_path / "solutions" / "01_doubling.ipynb", *cells, answer=SOLUTION, shown=shown)


@pytest.fixture
def run_all(course, tmp_path, solved):
    """`run_all(cell, ...)` is the entry of a notebook run from top to bottom."""
    course = Course(course.root)  # it knows the solution's notebook now

    def made(*cells, path=None):
        path = path or notebook(tmp_path / "alice" / "01_doubling.ipynb", IMPORT, *cells, answer="")
        [submission] = read_submissions([path], course, course.exercise("double"))
        return grade_submission(submission, Options(str(course.root), notebook=True))

    return made


def test_restart_and_run_all_of_the_solution_has_no_problems(run_all, solved):
    entry = run_all(path=solved)
    assert entry["problems"] == []
    assert entry["exercises"][0]["outcome"] == "correct"
    assert entry["exercises"][0]["hidden_run"] is False


def test_a_cell_that_breaks_is_named_and_the_verdict_stands(run_all):
    entry = run_all("import ipywidgets", SOLUTION, "1 / 0", CHECK)
    assert entry["problems"] == ["cell 4: ZeroDivisionError: division by zero"]
    assert total(entry) == (6, 6)


def test_a_verdict_that_differs_is_named_with_both(run_all):
    [problem] = run_all("def double(number):\n    return number", CHECK)["problems"]
    assert problem.startswith("cell 3: check('double') shows 'double: not yet, 0 of 6")
    assert "the solution's notebook 'double: correct so far, 6 of 6" in problem


def test_what_is_defined_after_the_check_does_not_count(run_all):
    entry = run_all(STARTER, CHECK, SOLUTION)
    assert total(entry)[0] < 6
    assert len(entry["problems"]) == 1


@pytest.mark.parametrize(
    ("cell", "why"),
    [("import os\nos._exit(0)", ENDS), ("while True: pass", "did not finish loading within 3 s")],
)
def test_a_cell_that_ends_it_all_is_named_and_later_checks_are_not_reached(run_all, monkeypatch, cell, why):
    monkeypatch.setattr(loading, "START", 3.0)
    entry = run_all(SOLUTION, cell, CHECK)
    assert [problem.startswith("cell 3: ") and why in problem for problem in entry["problems"]] == [True]
    assert total(entry) == (0, 6)
    assert messages(entry)[0].startswith("what: its check cell was not reached")


def test_too_much_memory_in_a_check_does_not_end_the_batch(run_all, monkeypatch):
    monkeypatch.setattr(hosts, "MAX_TOTAL", 100 << 20)
    hog = "def double(number):\n    kept = bytearray(300 << 20)\n    while True: pass"
    entry = run_all(hog, CHECK, "x = 1")
    assert total(entry) == (0, 6)
    assert any("too much memory" in problem for problem in entry["problems"])


def test_a_module_is_not_run_as_a_notebook(run_all, tmp_path):
    (tmp_path / "double.py").write_text(RIGHT)
    entry = run_all(path=tmp_path / "double.py")
    assert "runs notebooks" in entry["error"]
    assert total(entry) == (0, 6)


def test_without_a_solution_there_is_nothing_to_differ_from(course):
    assert rerun.saved_verdict(course.exercise("double")) is None

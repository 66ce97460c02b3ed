"""`course grade` and `course gradebook`: reports, exit statuses, and a batch that is interrupted and goes on."""

import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from course_lib import cli
from course_lib.grading import batch, sandbox
from course_lib.grading.gradebook import Gradebook
from tests.grading.conftest import RIGHT

WRONG = "def double(number):\n    return number"
SLOW = f"import time\ntime.sleep(8)\n{RIGHT}"


@pytest.fixture(autouse=True)
def _tiny_course(course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(course.root))


@pytest.fixture
def run(monkeypatch, capsys):
    """`run("grade", ...)`: exit status, what was printed, what was said on stderr."""

    def made(*arguments):
        here = ["--jobs", "1"] if arguments[0] == "grade" and "--jobs" not in arguments else []  # quicker than workers
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments), *here])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed, said = capsys.readouterr()
        return ended.value.code or 0, printed, said

    return made


@pytest.fixture
def class_of(tmp_path):
    """`class_of(alice=source, ...)`: a folder with a folder for each student."""

    def made(**sources):
        for student, source in sources.items():
            (tmp_path / "class" / student).mkdir(parents=True, exist_ok=True)
            (tmp_path / "class" / student / "double.py").write_text(source)
        return tmp_path / "class"

    return made


@pytest.fixture
def two(class_of):
    return class_of(alice=RIGHT, bob=WRONG)


def book_of(tmp_path):
    return Gradebook(tmp_path / "course-state" / "gradebook.sqlite")


# ---- reports


def test_the_text_is_for_a_person_and_the_status_is_0_whatever_the_marks(run, two):
    status, printed, said = run("grade", two)
    assert (status, said) == (0, "")
    assert "double: correct so far, 4 of 4 visible points; hidden not run" in printed
    assert "double: not yet, 0 of 4 visible points; hidden not run" in printed
    assert "all passed" not in printed


def test_json_is_the_list_of_entries(run, two):
    status, printed, _ = run("grade", two, "--format", "json", "--hidden", "--seed", 7)
    entries = json.loads(printed)
    assert status == 0
    assert [entry["student"] for entry in entries] == ["alice", "bob"]
    assert [entry["exercises"][0]["points"] for entry in entries] == [7, 0]
    assert {(entry["seed"], entry["isolation"]) for entry in entries} == {(7, "bubblewrap")}


def test_csv_has_a_row_for_each_student(run, two):
    rows = list(csv.reader(io.StringIO(run("grade", two, "--format", "csv")[1])))
    assert [row[0] for row in rows[1:]] == ["alice", "bob"]
    assert "double" in rows[0][1]


def test_junit_is_xml_with_a_case_for_each_check(run, two):
    root = ET.fromstring(run("grade", two, "--format", "junit")[1])
    assert len(list(root.iter("testcase"))) == 6


def test_gradescope_is_for_one_submission(run, class_of):
    status, printed, _ = run("grade", class_of(alice=RIGHT), "--format", "gradescope")
    assert status == 0
    assert sum(test["score"] for test in json.loads(printed)["tests"]) == 4


def test_the_output_is_written_whole_and_nothing_beside_it(run, two, tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "report.json").write_text("the old one")
    status, printed, _ = run("grade", two, "--format", "json", "--output", folder / "report.json")
    assert (status, printed) == (0, "")
    assert len(json.loads((folder / "report.json").read_text())) == 2
    assert os.listdir(folder) == ["report.json"]


def test_a_report_that_cannot_be_made_leaves_the_old_one(run, two, tmp_path, monkeypatch):
    report = tmp_path / "reports" / "report.json"
    report.parent.mkdir()
    report.write_text("the old one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    status, _, said = run("grade", two, "--format", "json", "--output", report)
    assert status == 2
    assert "No space left on device" in said
    assert report.read_text() == "the old one"
    assert os.listdir(report.parent) == ["report.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
def test_a_terminal_or_file_that_takes_no_report_is_said(started, two):
    process = started("grade", two, "--jobs", "1", stdout="/dev/full")
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert said.startswith("course: a report cannot be written ([Errno 28]")


def test_the_feedback_folder_gets_a_page_for_each_student(run, two, tmp_path):
    status, _, said = run("grade", two, "--feedback", tmp_path / "pages")
    assert status == 0
    assert {"alice.html", "bob.html"} <= set(os.listdir(tmp_path / "pages"))
    assert f"{len(os.listdir(tmp_path / 'pages'))} pages" in said


def test_the_seed_and_the_number_of_processes_change_no_report(run, class_of, tmp_path):
    folder = class_of(alice=RIGHT, bob=WRONG, carol="import os\nos._exit(0)", dave="def double(")
    one = run("grade", folder, "--format", "json", "--jobs", 1)[1]
    assert run("grade", folder, "--format", "json", "--jobs", 3)[1] == one
    assert run("grade", folder, "--format", "json", "--exercise", "double")[1] == one


def test_a_notebook_is_run_from_top_to_bottom(run, tmp_path):
    cells = ["from course_lib import check", RIGHT, "1 / 0", 'check("double")']
    cells = [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in cells]
    (tmp_path / "01_doubling.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    status, printed, _ = run("grade", tmp_path / "01_doubling.ipynb", "--notebook", "--format", "json")
    [entry] = json.loads(printed)
    assert status == 0
    assert entry["problems"] == ["cell 3: ZeroDivisionError: division by zero"]
    assert entry["exercises"][0]["points"] == 4


# ---- wrong usage


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["{class}", "--exercise", "duoble"], "no exercise is called 'duoble'; did you mean double"),
        (["{class}/nobody"], "does not exist"),
        (["{class}/alice/double.py"], "add --exercise double"),
        (["{class}", "--format", "gradescope"], "gradescope is for the work of one student: 2 were found"),
        (["{class}", "--output", "{class}/no/folder/report"], "its folder does not exist"),
        (["{class}", "--output", "{class}"], "not a file"),
        (["{class}", "--feedback", "{class}/no/folder/pages"], "its folder does not exist"),
        (["{class}", "--feedback", "{class}/alice/double.py"], "not a folder"),
        (["{class}", "--hidden", "--notebook"], "--hidden in a run of its own"),
        (["{class}", "--output", "/dev/null"], "not a file"),
        (["{class}", "--format", "yaml"], "'yaml' is not one of"),
        (["{class}", "--jobs", "0"], "should be greater than or equal to 1"),
        (["{class}", "--seed", "x"], "unable to parse string as an integer"),
        ([], "Missing argument"),
        (["{class}", "--scheduler", "nonsense://x"], "no Dask scheduler answers at nonsense://x"),
    ],
)
def test_wrong_usage_is_said_at_once_with_status_2(run, two, tmp_path, arguments, why):
    status, printed, said = run("grade", *[text.format(**{"class": two}) for text in arguments])
    assert (status, printed) == (2, "")
    assert why in " ".join(said.replace("│", " ").split())
    assert "Traceback" not in said
    if "--scheduler" not in arguments:
        assert book_of(tmp_path).batches() == []


def test_the_same_folder_twice_is_no_mistake(run, two):
    assert run("grade", two, two, "--format", "json") == run("grade", two, "--format", "json")


def test_a_report_through_a_link_leaves_the_link(run, two, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "latest.json").symlink_to(tmp_path / "reports" / "today.json")
    assert run("grade", two, "--format", "json", "--output", tmp_path / "latest.json")[0] == 0
    assert (tmp_path / "latest.json").is_symlink()
    assert len(json.loads((tmp_path / "reports" / "today.json").read_text())) == 2


def test_hidden_checks_that_are_not_there_are_said(run, two, course):
    (course.root / "solutions" / "checks" / "test_double.py").unlink()
    status, _, said = run("grade", two, "--hidden")
    assert status == 2
    assert "no instructor-only checks" in said


def test_an_empty_folder_is_wrong_usage(run, tmp_path):
    (tmp_path / "class").mkdir()
    assert run("grade", tmp_path / "class")[0] == 2


def test_the_isolation_is_named_and_less_is_refused_on_demand(run, two, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda: "bubblewrap is not installed")
    monkeypatch.setattr("os.geteuid", lambda: 1000)  # as root it would be refused (test_sandbox)
    status, _, said = run("grade", two, "--require-isolation")
    assert status == 2
    assert "--require-isolation: bubblewrap is not installed" in said
    status, printed, said = run("grade", two, "--format", "json")
    assert status == 0
    assert {entry["isolation"] for entry in json.loads(printed)} == {"process"}
    assert "isolation: a plain process only (bubblewrap is not installed)" in said


def test_with_the_sandbox_isolation_can_be_required(run, two):
    assert run("grade", two, "--require-isolation")[0] == 0


# ---- an interrupt, without a second process


@pytest.fixture
def interrupted_after(monkeypatch):
    """`interrupted_after(n)`: the batch is interrupted when n submissions are graded."""
    whole = batch.grade_all

    def made(count):
        def some(*arguments, **more):
            entries = whole(*arguments, **more)
            for _ in range(count):
                yield next(entries)
            raise KeyboardInterrupt

        monkeypatch.setattr(batch, "grade_all", some)

    yield made
    monkeypatch.setattr(batch, "grade_all", whole)


def test_an_interrupted_batch_is_kept_and_the_same_command_grades_the_rest_only(
    run, class_of, tmp_path, interrupted_after, monkeypatch
):
    folder = class_of(alice=RIGHT, bob=WRONG, carol=RIGHT)
    command = ("grade", folder, "--format", "json", "--jobs", 1)
    interrupted_after(1)
    status, printed, said = run(*command)
    assert status == 130
    assert [entry["student"] for entry in json.loads(printed)] == ["alice"]
    assert "interrupted: 1 of 3 graded and kept; the same command goes on from there" in said
    monkeypatch.undo()
    for name, value in (("COURSE_ROOT", tmp_path), ("COURSE_STATE", tmp_path / "course-state")):
        monkeypatch.setenv(name, str(value))
    graded = []
    one = batch.grade_submission
    monkeypatch.setattr(batch, "grade_submission", lambda s, options: graded.append(s.student) or one(s, options))
    monkeypatch.setattr(sys, "argv", ["course", *map(str, command)])
    status, printed, said = run(*command)
    assert (status, graded) == (0, ["bob", "carol"])
    assert "going on with batch 1: 1 of 3 were graded before" in said
    whole = run(*command, "--fresh")
    assert whole[:2] == (0, printed)
    assert graded[2:] == ["alice", "bob", "carol"]
    assert [(b.id, b.entries, b.finished is not None) for b in book_of(tmp_path).batches()] == [
        (1, 3, True),
        (2, 3, True),
    ]


@pytest.mark.parametrize("format", ["json", "gradescope", "csv"])
def test_an_interrupt_before_the_first_result_writes_no_report(run, class_of, tmp_path, interrupted_after, format):
    interrupted_after(0)
    report = tmp_path / "report"
    status, printed, said = run("grade", class_of(alice=RIGHT), "--format", format, "--output", report)
    assert (status, printed, report.exists()) == (130, "", False)
    assert "0 of 1 graded" in said


def test_other_arguments_begin_another_batch(run, class_of, tmp_path, interrupted_after):
    folder = class_of(alice=RIGHT, bob=RIGHT)
    interrupted_after(1)
    for more in ([], ["--seed", 1], ["--hidden"], ["--exercise", "double"], ["--fresh"]):
        assert run("grade", folder, *more)[0] == 130
    assert [b.entries for b in book_of(tmp_path).batches()] == [1] * 5


def test_a_submission_that_has_changed_is_graded_again(run, class_of, tmp_path, interrupted_after):
    folder = class_of(alice=WRONG, bob=RIGHT)
    interrupted_after(1)
    assert run("grade", folder, "--format", "json", "--jobs", 1)[0] == 130
    class_of(alice=RIGHT)
    _, printed, said = run("grade", folder, "--format", "json", "--jobs", 1)
    assert [entry["exercises"][0]["points"] for entry in json.loads(printed)] == [4]
    assert "going on" not in said


def test_an_interrupt_while_the_files_are_read_has_the_same_status(run, two, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.grading.submissions.read_submissions", interrupt)
    assert run("grade", two)[0] == 130


# ---- an interrupt of a real process


@pytest.fixture
def started(tmp_path):
    """`started("grade", ...)`: the command as a process group of its own, with a temporary folder of its own."""
    processes = []

    def made(*arguments, stdout=None):
        (tmp_path / "temporary").mkdir(exist_ok=True)
        command = [sys.executable, "-c", "from course_lib.cli import main; main()", *map(str, arguments)]
        output = open(stdout, "w") if stdout else subprocess.PIPE  # noqa: SIM115
        pipes = {"stdout": output, "stderr": subprocess.PIPE, "text": True}
        env = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
        processes.append(subprocess.Popen(command, env=env, start_new_session=True, **pipes))
        return processes[-1]

    yield made
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_batch_that_is_ended_keeps_what_it_has_and_goes_on(run, started, class_of, tmp_path, number):
    names = [f"s{count:02}" for count in range(20)]
    folder = class_of(**dict.fromkeys(names[:3], RIGHT), **dict.fromkeys(names[3:], SLOW))
    command = ("grade", folder, "--format", "json", "--jobs", 2)
    process = started(*command)
    assert process.stderr.readline() == "graded 2 of 20\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    printed, said = process.communicate(timeout=60)  # until nobody holds its pipes: the workers are gone, too
    kept = [entry["student"] for entry in book_of(tmp_path).entries(1)]
    assert set(kept) <= set(names[:3])  # two workers: whichever came first
    assert len(kept) >= 2
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130, said
        assert "Traceback" not in said
        assert [entry["student"] for entry in json.loads(printed)] == kept
        assert f"interrupted: {len(kept)} of 20 graded and kept" in said
        assert os.listdir(tmp_path / "temporary") == []
    class_of(**dict.fromkeys(names[3:], RIGHT))  # so that we need not wait: only what is left is read again
    status, printed, said = run(*command)
    assert status == 0
    assert said.startswith(f"going on with batch 1: {len(kept)} of 20 were graded before\n")
    assert said.count("graded") == 1 + 9
    entries = json.loads(printed)
    assert [entry["student"] for entry in entries] == names
    assert {entry["exercises"][0]["points"] for entry in entries} == {4}
    assert [(b.entries, b.finished is not None) for b in book_of(tmp_path).batches()] == [(20, True)]


# ---- the gradebook


def test_the_gradebook_lists_batches_and_gives_them_again(run, two, class_of, tmp_path):
    first = run("grade", two, "--format", "json")[1]
    class_of(bob=RIGHT)
    second = run("grade", two, "--format", "json", "--seed", 5)[1]
    status, listed, _ = run("gradebook")
    assert status == 0
    assert [line.split()[0] for line in listed.splitlines()[-2:]] == ["1", "2"]
    assert "class --seed 5" in listed
    assert run("gradebook", "--batch", 1, "--format", "json")[1] == first
    assert run("gradebook", "--batch", 0, "--format", "json")[1] == second
    assert run("gradebook", "--format", "json")[1] == second
    assert run("gradebook", "--format", "csv", "--output", tmp_path / "marks.csv")[0] == 0
    assert len((tmp_path / "marks.csv").read_text().splitlines()) == 3
    assert run("gradebook", "--feedback", tmp_path / "pages")[0] == 0
    assert {"alice.html", "bob.html"} <= set(os.listdir(tmp_path / "pages"))


def test_an_empty_gradebook_and_wrong_usage_of_one(run, tmp_path):
    assert run("gradebook")[0] == 0
    assert json.loads(run("gradebook", "--format", "json")[1]) == []
    assert run("gradebook", "--batch", 0)[0] == 0
    for arguments in (["--batch", 7], ["--output", tmp_path], ["--feedback", tmp_path / "no" / "pages"]):
        status, _, said = run("gradebook", *arguments)
        assert status == 2
        assert said.startswith("course: ")


def test_a_file_that_is_no_gradebook_is_refused_and_left_as_it_is(run, two, tmp_path):
    notes, other = tmp_path / "notes.csv", tmp_path / "other.db"
    notes.write_text("not yours")
    with contextlib.closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE things (name TEXT)")
    contents = notes.read_bytes(), other.read_bytes()
    before = sorted(os.listdir(tmp_path))
    for command in (["grade", two], ["gradebook"]):
        status, _, said = run(*command, "--gradebook", notes)
        assert (status, said) == (
            2,
            f"course: --gradebook {notes}: that is another kind of file, and is left as it is\n",
        )
        status, _, said = run(*command, "--gradebook", other)
        assert (status, said) == (2, "course: other.db is another program's database: name another file\n")
    status, _, said = run("gradebook", "--gradebook", tmp_path / "typo.sqlite")
    assert (status, said) == (2, f"course: --gradebook {tmp_path / 'typo.sqlite'} does not exist\n")
    assert (notes.read_bytes(), other.read_bytes()) == contents
    assert sorted(os.listdir(tmp_path)) == before


def test_an_archive_that_cannot_be_written_is_said(run, tmp_path):
    for target, why in ((tmp_path / "no" / "x.zip", "its folder does not exist"), (tmp_path, "that is not a file")):
        status, _, said = run("export", "--gradescope", "--output", target)
        assert status == 2
        assert why in said


def test_another_file_can_be_the_gradebook(run, two, tmp_path):
    book = tmp_path / f"{uuid.uuid4().hex}.sqlite"
    assert run("grade", two, "--gradebook", book)[0] == 0
    assert [b.entries for b in Gradebook(book).batches()] == [2]
    assert not Path(tmp_path / "course-state" / "gradebook.sqlite").exists()
    assert len(json.loads(run("gradebook", "--gradebook", book, "--format", "json")[1])) == 2

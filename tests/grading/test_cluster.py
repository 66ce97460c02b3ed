"""A Dask cluster: real processes on loopback, one of which is killed in the middle of a batch."""

import contextlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from course_lib.errors import MisuseError
from course_lib.grading import batch
from course_lib.grading.batch import Options, grade_all
from course_lib.grading.submissions import read_submissions
from tests.grading.conftest import RIGHT
from tests.grading.test_interrupts import interrupted_at

SLOW = f"import time\ntime.sleep(1)\n{RIGHT}"
WRONG = "def double(number):\n    return number"


class Cluster:
    """A scheduler and workers, started as anybody would start them."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        scheduler = self._start("scheduler", "--port", "0")
        self.address = self._said(scheduler, r"Scheduler at: +(tcp://127\.0\.0\.1:\d+)")
        self.workers = []

    def start_workers(self, count):
        options = ("--no-nanny", "--nthreads", "2", "--memory-limit", "0", "--local-directory", str(self.folder))
        self.workers = [self._start("worker", self.address, *options) for _ in range(count)]
        for worker in self.workers:
            self._said(worker, r"Registered to: +(\S+)")

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.communicate(timeout=30)

    def _start(self, kind, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", "--no-dashboard"]
        process = subprocess.Popen([*command, *arguments], cwd=self.folder, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    @staticmethod
    def _said(process, pattern):
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(pattern, line):
                return found[1]
        pytest.fail(f"it ended: {''.join(lines)}")


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "dask").mkdir()
    made = Cluster(tmp_path / "dask")
    yield made
    made.stop()


@pytest.fixture
def submissions(course, tmp_path):
    kinds = [RIGHT, SLOW, WRONG, SLOW, "def double(:", SLOW, "import os\nos._exit(0)", SLOW, SLOW, RIGHT, WRONG, RIGHT]
    for number, source in enumerate(kinds):
        folder = tmp_path / "class" / f"s{number:02}"
        folder.mkdir(parents=True)
        (folder / "double.py").write_text(source)
    return read_submissions([tmp_path / "class"], course, course.exercise("double"))


def report(graded):
    entries = {submission.name: entry for submission, entry in graded}
    return json.dumps([entries[name] for name in sorted(entries)])


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(course, submissions, cluster):
    options = Options(str(course.root), hidden=True)
    cluster.start_workers(2)
    graded = []
    for pair in grade_all(submissions, options, scheduler=cluster.address):
        graded.append(pair)
        if len(graded) == 1:
            cluster.workers[0].send_signal(signal.SIGKILL)
    assert sorted(submission.name for submission, _ in graded) == [submission.name for submission in submissions]
    assert report(graded) == report(grade_all(submissions, options, jobs=2))


def test_a_batch_that_is_left_can_be_given_again(course, submissions, cluster):
    cluster.start_workers(1)
    options = Options(str(course.root))
    with contextlib.closing(grade_all(submissions, options, scheduler=cluster.address)) as graded:
        next(graded)
    some = submissions[:3]
    assert report(grade_all(some, options, scheduler=cluster.address)) == report(grade_all(some, options, jobs=1))


def test_an_interrupt_between_a_lock_and_its_with_block_hangs_nothing(course, submissions, cluster):
    """Raised at these places it would leave a lock of Dask's client taken, and closing it would wait for ever."""
    cluster.start_workers(1)
    for place in (("__enter__", "return"), ("_acquire_restore", "line"), ("wait", "return")):
        graded = grade_all(submissions, Options(str(course.root)), scheduler=cluster.address)
        next(graded)
        with pytest.raises(KeyboardInterrupt), interrupted_at(*place) as came:
            for _ in graded:
                pass
        assert came, place


DEADLY = """
import os
from course_lib.grading import batch
grade = batch.grade_submission
def work(submission, options):
    return grade(submission, options) if submission.error else os._exit(9)
"""


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    """A module that the cluster knows, too: its work kills the worker."""
    (tmp_path / "deadly_on_cluster.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return importlib.import_module("deadly_on_cluster")


def test_a_submission_that_every_worker_dies_of_is_given_up(course, submissions, deadly, cluster, monkeypatch):
    monkeypatch.setattr(batch, "grade_submission", deadly.work)
    cluster.start_workers(5)
    [(submission, entry)] = grade_all(submissions[:1], Options(str(course.root)), scheduler=cluster.address)
    assert submission == submissions[0]
    assert entry["error"] == "every worker that graded it died"
    assert (entry["exercises"][0]["points"], entry["exercises"][0]["max_points"]) == (0, 4)


def test_a_worker_without_the_course_is_no_fault_of_the_submissions(submissions, cluster, tmp_path):
    cluster.start_workers(1)
    elsewhere = Options(str(tmp_path / "nowhere"))
    with pytest.raises(
        MisuseError, match=r"the cluster at tcp://.* cannot grade, is the course there\? ExerciseError: no"
    ):
        list(grade_all(submissions[:2], elsewhere, scheduler=cluster.address))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "nonsense://x"])
def test_no_scheduler_is_said_in_words_with_status_2(course, submissions, tmp_path, address):
    code = "from course_lib.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, "grade", str(tmp_path / "class"), "--scheduler", address],
        env={**os.environ, "COURSE_ROOT": str(course.root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert f"no Dask scheduler answers at {address}" in ran.stderr
    assert "Traceback" not in ran.stderr

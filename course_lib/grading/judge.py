"""The judge: runs the checks of an exercise against a host, in a process that never sees the code.

Rule: a warm server process has pytest loaded. For each exercise it forks a process that collects the checks
once, and that one forks for each verdict, so that a verdict costs little and leaves nothing behind. The server
ends with the one who started it (a kernel, a worker). Left out: starting hosts, showing results.
"""

import atexit
import contextlib
import gc
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.hosts import Control, Host
from course_lib.grading.pipe import Pipe
from course_lib.grading.report import ExerciseResult, collect

TOTAL = 120.0  # seconds for all checks of one exercise: the checks' own budget (plugin.BUDGET) ends long before
MAX_MEMORY = 2 << 30  # bytes that a verdict may take, whatever a submission answers
# Plug-ins of pytest that no check needs: they take half of the time of a short check
_UNUSED = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "logging", "pastebin", "setuponly",
    "setupplan", "stepwise", "terminalprogress", "threadexception", "unittest", "unraisableexception", "warnings",
)  # fmt: skip


class _Collected:
    """A pytest plug-in: in place of the run, waits for questions and forks a run of the collected checks for each."""

    def __init__(self, course: Course, id: str, questions: Pipe) -> None:
        self.course, self.exercise, self.questions, self.broken = course, course.exercise(id), questions, ""

    def pytest_configure(self, config: Any) -> None:
        from course_lib.grading import plugin

        self.run = plugin.Run()
        self.run.course = self.course  # it has read the declarations already
        config.stash[plugin.RUN] = self.run

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.broken = str(report.longrepr)[-2000:]

    def pytest_runtestloop(self, session: Any) -> bool:
        gc.freeze()  # forks then share what was collected, instead of copying it
        while True:
            try:
                question, fds = self.questions.receive(fds=2)
            except PipeError:
                os._exit(0)
            if os.fork() == 0:
                self.answer(session, question, *(Pipe(socket.socket(fileno=fd)) for fd in fds))
            for fd in fds:
                os.close(fd)

    def answer(self, session: Any, question: dict[str, Any], control: Pipe, reply: Pipe) -> None:
        """Runs the checks in this forked process, sends the result, and ends it."""
        gc.disable()  # this process ends soon,
        signal.alarm(int(TOTAL) + 5)  # also when nobody is left to end it
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
        try:
            self.questions.close()
            self.run.seed, hidden = question["seed"], question["hidden"]
            self.run.control = Control(control, question["closed"])
            visible = self.exercise.check_file()
            items = [item for item in session.items if hidden or item.path == visible]
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            reason = f"this check cannot be loaded: {self.broken}" if self.broken else "this check did not run"
            result = collect(self.exercise, self.run.results.get(self.exercise.id, {}), hidden, reason)
            reply.send(result.as_dict(), 30.0)
        except BaseException as error:
            with contextlib.suppress(PipeError):
                reply.send({"error": f"{type(error).__name__}: {error}"}, 5.0)
        finally:
            os._exit(0)


def _collect_and_serve(root: str, id: str, questions: Pipe) -> None:
    import pytest

    from course_lib.grading import plugin

    collected = _Collected(Course(Path(root)), id, questions)
    exercise = collected.exercise
    files = [file for file in (exercise.check_file(), exercise.check_file(hidden=True)) if file.exists()]
    # --tb=no: tracebacks of the checks take long to make, and nobody sees them
    options = ["-c", os.devnull, f"--rootdir={root}", "--import-mode=importlib", "-q", "--tb=no"]
    options += ["--continue-on-collection-errors", *(f"-pno:{name}" for name in _UNUSED)]
    pytest.main([*options, *map(str, files)], plugins=[collected, plugin])
    # Only when pytest itself could not start: whoever waits is told so by the end of the pipe


def _check_files(root: str, id: str) -> tuple[Any, ...]:
    """Changes when the checks do, so that an author sees the new ones."""
    stamps = []
    for folder in ("exercises", "solutions"):
        with contextlib.suppress(OSError):
            status = os.stat(os.path.join(root, folder, "checks", f"test_{id}.py"))
            stamps.append((folder, status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def serve(fd: int) -> None:
    """The server process: a question (exercise, root, hidden, seed) with two descriptors per verdict."""
    from course_lib.grading.host import quiet_descriptors

    quiet_descriptors()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    _warm()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt of the kernel is the kernel's business
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are nobody's business once they have answered
    pipe = Pipe(socket.socket(fileno=fd))
    ready: dict[tuple[str, str], tuple[tuple[Any, ...], Pipe]] = {}
    while True:
        try:
            question, fds = pipe.receive(fds=2)
        except PipeError:
            return
        key = question["root"], question["exercise"]
        stamps = _check_files(*key)
        if key not in ready or ready[key][0] != stamps:
            if key in ready:
                ready.pop(key)[1].close()
            ours, theirs = socket.socketpair()
            if os.fork() == 0:
                for inherited in (pipe, *(other for _, other in ready.values())):
                    inherited.close()
                for number in (*fds, ours.detach()):
                    os.close(number)
                try:
                    _collect_and_serve(*key, Pipe(theirs))
                finally:
                    os._exit(0)
            theirs.close()
            ready[key] = stamps, Pipe(ours)
        try:
            ready[key][1].send(question, 30.0, tuple(fds))
        except PipeError:
            del ready[key]  # it has died: the one who waits sees the end of his pipe
        for number in fds:
            os.close(number)


def _warm() -> None:
    """Loads what checks need once, before the forks: pytest, its plug-ins, and what references are made of."""
    import pytest

    from course_lib.grading import plugin

    with contextlib.suppress(BaseException):
        pytest.main(["--version"], plugins=[plugin])
    for name in ("asyncio", "course_lib.wire.sse", "course_lib.wire.chunked", "h11"):
        with contextlib.suppress(ImportError):
            __import__(name)


class Judge:
    """A warm judge process. Thread-safe; ends with this process."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "course_lib.grading.judge", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL,
            cwd="/",  # never where submissions lie: nothing of theirs may be imported
            start_new_session=True,  # an interrupt of the kernel must not reach it
        )  # fmt: skip
        theirs.close()
        self.pipe = Pipe(ours)
        self.lock, self.stopped = threading.Lock(), False
        self.waiting: set[socket.socket] = set()  # one for each thread that waits for a verdict
        atexit.register(self._end)

    def verdict(self, exercise: Exercise, host: Host, hidden: bool = False, seed: int = 0) -> ExerciseResult:
        """The result of all declared checks. Raises PipeError when the judge itself ends or gives no verdict."""
        ours, theirs = socket.socketpair()
        question = {
            "exercise": exercise.id, "root": str(exercise.root), "hidden": hidden, "seed": seed, "closed": host.closed,
        }  # fmt: skip
        self.waiting.add(ours)
        try:
            with ours, theirs:
                if self.stopped:  # by another thread, just now
                    return judge().verdict(exercise, host, hidden, seed)
                with self.lock:
                    self.pipe.send(question, 60.0, (host.control.fileno(), theirs.fileno()))
                theirs.close()
                wait_for_answer(ours, host, TOTAL)
                answer = Pipe(ours).receive(30.0)
        finally:
            self.waiting.discard(ours)
            if self.stopped:
                self.stop()
        if "error" in answer:
            raise PipeError(f"the judge could not run the checks of {exercise.id}: {answer['error']}")
        return ExerciseResult.from_dict(answer)

    @property
    def alive(self) -> bool:
        return not self.stopped and self.process.poll() is None

    def stop(self) -> None:
        """Takes no more questions, and ends as soon as no other thread waits for a verdict (Dask grades on threads)."""
        self.stopped = True
        if not self.waiting and self.pipe.sock.fileno() >= 0:  # not yet
            self._end()

    def _end(self) -> None:
        atexit.unregister(self._end)
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_for_answer(sock: socket.socket, host: Host, seconds: float) -> None:
    """Until there is something to read. On the way a submission that takes too much memory is ended.

    Raises DeadlineExceeded after `seconds`, and PipeError when `sock` was that submission's own.
    """
    until = time.monotonic() + seconds
    poll = select.poll()  # select.select fails for descriptors above 1023
    poll.register(sock, select.POLLIN)
    while not poll.poll(300):
        if host.too_much():
            host.stop()
        if sock.fileno() < 0:
            raise PipeError("the submission took too much memory")
        if time.monotonic() > until:
            raise DeadlineExceeded(f"no answer within {seconds:g} s")


_judge: Judge | None = None
_judge_lock = threading.Lock()


def judge() -> Judge:
    """This process's warm judge, started on first use and started again when it died."""
    global _judge
    with _judge_lock:
        if _judge is None or not _judge.alive:
            _judge = Judge()
        return _judge


if __name__ == "__main__":
    serve(int(sys.argv[1]))

"""The judge: runs the checks of an exercise against a host, in a process that never sees the code.

Rule: a warm server process has pytest loaded and forks for each verdict, so that a verdict costs tens
of milliseconds and leaves nothing behind. It is started by the one who wants verdicts (a kernel, a
batch) and ends with it. Left out: starting hosts, showing results.
"""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.hosts import ChildHost, Control, _Host
from course_lib.grading.pipe import Pipe
from course_lib.grading.report import ExerciseResult, collect
from course_lib.grading.starter import source_in, unchanged

TOTAL = 120.0  # seconds for all checks of one exercise: a last resort, far above any right program


def run_checks(exercise: Exercise, control: Control, hidden: bool, seed: int) -> ExerciseResult:
    """Runs the declared checks with pytest in this process and collects what they gave."""
    import pytest

    from course_lib.grading import plugin

    run = plugin.Run(seed=seed, control=control)
    run.course = Course(exercise.root)

    class Configured:
        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: pytest.Config) -> None:
            config.stash[plugin.RUN] = run

    files = [exercise.check_file()]
    if hidden and exercise.check_file(hidden=True).exists():
        files.append(exercise.check_file(hidden=True))
    options = ["-c", os.devnull, f"--rootdir={exercise.root}", "--import-mode=importlib", "-q"]
    options += ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:capture"]
    pytest.main([*options, *map(str, files)], plugins=[Configured(), plugin])
    return collect(exercise, run.results.get(exercise.id, {}), hidden)


def serve(fd: int) -> None:
    """The server process: one question (exercise, root, hidden, seed) with two descriptors per verdict."""
    from course_lib.grading.host import quiet_descriptors

    quiet_descriptors()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    _warm()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt of the kernel is the kernel's business
    pipe = Pipe(socket.socket(fileno=fd))
    while True:
        try:
            question, fds = pipe.receive(fds=2)
        except PipeError:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            pipe.close()
            control, reply = (Pipe(socket.socket(fileno=number)) for number in fds)
            try:
                exercise = Course(Path(question["root"])).exercise(question["exercise"])
                result = run_checks(exercise, Control(control), question["hidden"], question["seed"])
                reply.send(result.as_dict(), 30.0)
            except BaseException as error:
                with contextlib.suppress(PipeError):
                    reply.send({"error": f"{type(error).__name__}: {error}"}, 5.0)
            finally:
                os._exit(0)
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
            [sys.executable, "-m", "course_lib.grading.judge", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt of the kernel must not reach it
        )
        theirs.close()
        self.pipe = Pipe(ours)
        self.lock = threading.Lock()
        atexit.register(self.stop)

    def verdict(self, exercise: Exercise, host: _Host, hidden: bool = False, seed: int = 0) -> ExerciseResult:
        """The result of all declared checks. Raises PipeError when the judge itself ends."""
        ours, theirs = socket.socketpair()
        question = {"exercise": exercise.id, "root": str(exercise.root), "hidden": hidden, "seed": seed}
        try:
            with self.lock:
                self.pipe.send(question, 60.0, (host.control.fileno(), theirs.fileno()))
            theirs.close()
            answer = Pipe(ours).receive(TOTAL)
        finally:
            theirs.close()
            ours.close()
        if "error" in answer:
            raise PipeError(f"the judge could not run the checks of {exercise.id}: {answer['error']}")
        return ExerciseResult.from_dict(answer)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


_judge: Judge | None = None
_judge_lock = threading.Lock()


def judge() -> Judge:
    """This process's warm judge, started on first use and started again when it died."""
    global _judge
    with _judge_lock:
        if _judge is None or not _judge.alive:
            _judge = Judge()
        return _judge


def grade_file(path: Path, exercise: Exercise, hidden: bool = True, seed: int = 0) -> ExerciseResult:
    """Grades one exercise of one file (notebook or module), in a plain child process.

    A judge that does not answer at all is replaced, once: no submission may cost the next one its verdict.
    """
    try:
        with ChildHost(path, exercise.uses) as host:
            result = judge().verdict(exercise, host, hidden, seed)
    except DeadlineExceeded:
        judge().stop()
        with ChildHost(path, exercise.uses) as host:
            result = judge().verdict(exercise, host, hidden, seed)
    return replace(result, unchanged=unchanged(exercise, source_in(path, exercise)))


if __name__ == "__main__":
    serve(int(sys.argv[1]))

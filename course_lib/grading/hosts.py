"""Starting the process that holds the code under judgement.

Rule: whoever starts a host also ends it, with everything that it started. The judge only ever sees
the control pipe. Left out: sandboxes.
"""

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.errors import PipeError
from course_lib.grading.pipe import Pipe

START = 30.0  # seconds for the submission to load


class Control:
    """The judge's end of a host: opens a session per check, and ends what the check left."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def session(self) -> Pipe:
        ours, theirs = socket.socketpair()
        try:
            self.pipe.send("session", START, (theirs.fileno(),))
        except PipeError as error:
            ours.close()
            raise PipeError(
                "the process of your code has ended: does it call exit, or crash, when it loads?"
            ) from error
        finally:
            theirs.close()
        return Pipe(ours)

    def end_sessions(self) -> None:
        with contextlib.suppress(PipeError):
            self.pipe.send("end", 1.0)
            self.pipe.receive(5.0)


class _Host:
    """A process group of our own making, and the control socket to it. A context manager."""

    def __init__(self, control: socket.socket, pid: int) -> None:
        self.control, self.pid = control, pid

    def stop(self) -> None:
        """Kills the group and waits for it. May be called twice."""
        if self.pid:
            for target in (-self.pid, self.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(target, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
            self.control.close()

    def __enter__(self) -> "_Host":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class ChildHost(_Host):
    """A fresh Python that loads a notebook or module, in an empty folder and with an environment of its own."""

    def __init__(self, path: Path, uses: Iterable[str]) -> None:
        ours, theirs = socket.socketpair()
        self.folder = tempfile.mkdtemp(prefix="course-")
        # Fixed hash seed: the same submission must give the same report
        env = {"PATH": os.environ.get("PATH", ""), "HOME": self.folder, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "course_lib.grading.host", str(theirs.fileno()), str(path.resolve()), *uses]
        self.process = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), cwd=self.folder, env=env, start_new_session=True
        )
        theirs.close()
        super().__init__(ours, self.process.pid)

    def stop(self) -> None:
        super().stop()
        self.process.returncode = self.process.returncode or 0  # waited for above
        shutil.rmtree(self.folder, ignore_errors=True)


def _let_go_of_descriptors(keep: int) -> None:
    """Everything that a forked copy holds open becomes the null device, standard streams included.

    Else a pipe or port of the kernel would stay open for as long as the copy lives: a subprocess that another
    thread is just starting would wait for ever. The numbers stay taken, because objects still own them.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):
        if int(name) not in (null, keep):
            with contextlib.suppress(OSError):  # the descriptor of the listing itself
                os.dup2(null, int(name), inheritable=int(name) < 3)


class ForkedHost(_Host):
    """A copy of this process, with the names that a notebook's cells defined: the kernel's other side of `check`.

    What the checks do to it leaves the notebook untouched. Needs os.fork (Linux, macOS).
    """

    def __init__(self, namespace: dict[str, Any], uses: Iterable[str]) -> None:
        # Imported before the fork: the copy hides course_lib from the learner's code
        from course_lib.grading import host, refuse

        if not hasattr(os, "fork"):
            raise PipeError("checks inside the notebook need os.fork, which this system lacks; run `pytest exercises`")
        ours, theirs = socket.socketpair()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads: the copy starts none of them
            pid = os.fork()
        if pid:
            theirs.close()
            super().__init__(ours, pid)
            return
        try:
            _let_go_of_descriptors(keep=theirs.fileno())
            os.setsid()
            gc.disable()  # nothing that belongs to the kernel may be finalised here
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.set_event_loop(None)
            refuse.refuse_names(uses, namespace)
            refuse.refuse_imports(uses, namespace)
            host.Host(Pipe(theirs), namespace, []).serve()
        finally:
            os._exit(0)

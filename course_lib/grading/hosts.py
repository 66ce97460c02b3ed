"""Starting the process that holds the code under judgement, and ending it with everything that it started.

Rule: whoever starts a host also ends it. The judge only ever sees the control pipe. Three kinds: in a sandbox,
as a plain child process where there is no sandbox, and as a copy of a notebook's kernel.
Left out: what the sandbox shows (sandbox), what is asked (proxy).
"""

import asyncio
import contextlib
import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from course_lib.errors import PipeError
from course_lib.grading import reach, sandbox
from course_lib.grading.pipe import Pipe
from course_lib.grading.processes import adopt_orphans, descendants, kill_descendants
from course_lib.grading.staging import import_path

BUBBLEWRAP, PROCESS = "bubblewrap", "process"  # isolation, as reports name it
START = 10.0  # seconds for a submission to load
MAX_REPLY = 1 << 20  # bytes on the control pipe
MAX_TOTAL = 2 << 30  # bytes in use by all processes of a submission
_IN_USE = re.compile(rb"^Vm(?:RSS|PTE|Swap):\s+(\d+) kB", re.MULTILINE)  # page tables, too: they can be most of it
_GONE = "the process of your code has ended: does it call exit, or crash, when it loads?"


class Control:
    """The judge's end of a host: opens a session per check, and ends what the check left.

    `closed`: the host has a network of its own, so that ports have to be forwarded.
    """

    def __init__(self, pipe: Pipe, closed: bool = False) -> None:
        self.pipe, self.closed = pipe, closed
        self.reached: set[int] = set()
        self.dead = False

    def ask(self, op: str, fd: int | None = None, seconds: float = 5.0, **more: Any) -> Any:
        """One question with one answer. Raises PipeError, also for each question after one without an answer."""
        if self.dead:
            raise PipeError(_GONE)
        try:
            self.pipe.send({"op": op, **more}, seconds, (fd,) if fd is not None else ())
            return None if op == "session" else self.pipe.receive(seconds, limit=MAX_REPLY)
        except PipeError:
            self.dead = True
            raise

    def session(self) -> Pipe:
        """A conversation with a fresh copy of the loaded submission."""
        ours, theirs = socket.socketpair()
        try:
            self.ask("session", theirs.fileno())
        except PipeError as error:
            ours.close()
            raise PipeError(_GONE) from error
        finally:
            theirs.close()
        return Pipe(ours)

    def reach(self, port: int) -> bool:
        """Makes a port of ours reachable for the submission, under the same number. False when it uses that itself."""
        if self.closed and port not in self.reached:
            channel = self._forward(port, listen=True)
            if channel is None:
                return False
            self.reached.add(port)
            reach.answer_inside(port, channel)
        return True

    def reached_from_here(self, port: int) -> int:
        """A port of ours whose connections go to `port` of the submission."""
        channel = self._forward(port, listen=False) if self.closed else None
        return reach.port_for(channel) if channel else port

    def _forward(self, port: int, listen: bool) -> socket.socket | None:
        ours, theirs = socket.socketpair()
        with theirs:
            if self.ask("forward", theirs.fileno(), port=port, listen=listen) is True:
                return ours
        ours.close()
        return None

    def end_sessions(self) -> None:
        with contextlib.suppress(PipeError):
            self.ask("end")
        self.reached.clear()


class Host(Protocol):
    """What a verdict needs of a host."""

    control: socket.socket
    closed: bool

    def too_much(self) -> bool: ...
    def stop(self) -> None: ...


def _let_it_end(control: socket.socket) -> None:
    """Gives a host without a sandbox the time to end its checks' processes, which have groups of their own."""
    until = time.monotonic() + 1.0
    with contextlib.suppress(OSError):
        control.shutdown(socket.SHUT_WR)
        control.settimeout(1.0)
        while control.recv(65536) and time.monotonic() < until:
            pass


class _Stoppable:
    """A context manager that stops at its end."""

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class ChildHost(_Stoppable):
    """A fresh process for one submission: in a sandbox, or plain. It has loaded nothing yet. `number`: unused_user."""

    def __init__(self, uses: Iterable[str], isolation: str, node: str | None = None, number: int = 0) -> None:
        self.control, theirs = socket.socketpair()
        self.isolation, self.closed = isolation, isolation == BUBBLEWRAP
        self.folder, self.failed = "", ""  # failed: why nothing can be asked
        self.info: Any = None  # of a sandbox: the file in which bubblewrap tells of it
        self.problems: list[str] = []  # of loading, a sentence each
        self.unchanged: set[str] = set()  # exercises whose starter is as it was given
        try:
            with theirs:
                if self.closed:
                    self.process, self.info = sandbox.start(uses, theirs.fileno(), node, sandbox.unused_user(number))
                else:
                    self.process = self._plain(uses, theirs.fileno(), number)
        except OSError as error:  # the system has no processes left: others may have taken them
            self.control.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise PipeError(f"the process for the code did not start ({error})") from error
        self.pipe = Pipe(self.control)

    def _plain(self, uses: Iterable[str], fd: int, number: int) -> "subprocess.Popen[bytes]":
        paths = import_path(uses)
        self.folder = tempfile.mkdtemp(prefix="course-")
        user = sandbox.unused_user(number, [sys.executable, sys.base_prefix, *paths])
        if user:
            os.chown(self.folder, user, user)
        env = {"PYTHONPATH": os.pathsep.join(paths), "HOME": self.folder, "TMPDIR": self.folder, **sandbox.ENVIRONMENT}
        command = [sys.executable, "-S", "-s", "-P", "-m", "course_lib.grading.host", str(fd), "plain", str(user)]
        return subprocess.Popen(command, pass_fds=(fd,), cwd=self.folder, env=env, start_new_session=True)

    def too_much(self) -> bool:
        """True when all its processes together use more memory than MAX_TOTAL."""
        used = 0
        for number in (self.process.pid, *descendants(self.process.pid)):
            with contextlib.suppress(OSError):
                used += sum(map(int, _IN_USE.findall(Path(f"/proc/{number}/status").read_bytes())))
        return used * 1024 > MAX_TOTAL

    def stop(self) -> None:
        """Kills everything that runs there and waits until it is gone. May be called twice."""
        if not self.closed:
            _let_it_end(self.control)
        if self.info and self.process.poll() is None and (first := sandbox.first_process(self.info)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.kill(first, signal.SIGKILL)  # it takes all others of the sandbox with it,
                self.process.wait(5)  # and bubblewrap ends when all are gone
        if self.process.returncode is None:
            kill_descendants(self.process.pid)
            for target in (-self.process.pid, self.process.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(target, signal.SIGKILL)
        self.process.wait()
        for end in filter(None, (self.control, self.info)):
            end.close()
        if self.folder:
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


class ForkedHost(_Stoppable):
    """A copy of this process, with the names that a notebook's cells defined: the kernel's other side of `check`.

    What the checks do to it leaves the notebook untouched. Needs os.fork (Linux, macOS).
    """

    closed = False

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
            self.control, self.pid = ours, pid
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
            copy = host.Host(Pipe(theirs), namespace, [])
            copy.adopting = adopt_orphans()
            copy.serve()
        finally:
            os._exit(0)

    def too_much(self) -> bool:
        return False  # each check has its own limit (host.limit_memory)

    def stop(self) -> None:
        """Kills the group and waits for it. May be called twice."""
        if self.pid:
            _let_it_end(self.control)
            for target in (-self.pid, self.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(target, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
            self.control.close()

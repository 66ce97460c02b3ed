"""The host: the process that loaded the submission and forks a fresh copy of itself for each check.

Rule: there is nothing in this process worth stealing, and no check sees what another one left behind.
Left out: isolation (the process is started inside it), and the answers themselves (session).
"""

import builtins
import contextlib
import os
import resource
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

from course_lib.errors import PipeError
from course_lib.grading.cells import read_cells, run_cells
from course_lib.grading.pipe import Pipe
from course_lib.grading.refuse import refuse_imports
from course_lib.grading.session import Printed, Session

MAX_MEMORY = 2 << 30  # bytes that a check may add to what is in use when it begins


class Host:
    """The process that loaded the submission and forks a Session for each check."""

    def __init__(self, control: Pipe, namespace: dict[str, Any], problems: list[str]) -> None:
        self.control, self.namespace, self.problems = control, namespace, problems
        self.children: list[int] = []

    def serve(self) -> None:
        while True:
            try:
                question, fds = self.control.receive(fds=1)
            except PipeError:
                self.end_children()
                return
            if question == "session":
                self.fork_session(fds[0])
            elif question == "end":
                self.control.send(self.end_children())

    def fork_session(self, fd: int) -> None:
        pid = os.fork()
        if pid:
            os.close(fd)
            self.children.append(pid)
            return
        try:
            os.setsid()  # a group of its own: what the check starts ends with it
            limit_memory()
            self.control.close()
            Session(Pipe(socket.socket(fileno=fd)), self.namespace, self.problems).serve()
        finally:
            os._exit(0)

    def end_children(self) -> bool:
        """Kills the checks' processes with all that they started, also those of a check that has ended by itself."""
        for pid in self.children:
            for target in (-pid, pid):  # not reaped yet, so the number is still theirs
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(target, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.children.clear()
        return True


def limit_memory() -> None:
    """Where /proc tells what is in use (Linux): more than MAX_MEMORY on top of it is a MemoryError."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MAX_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def quiet_descriptors() -> None:
    """Prints at the level of file descriptors go nowhere: they are neither answers nor of interest."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def main(fd: int, path: str, uses: list[str]) -> None:
    """`python -m course_lib.grading.host FD PATH PACKAGE...`: load the file, then answer on the descriptor."""
    quiet_descriptors()
    control = Pipe(socket.socket(fileno=fd))
    module = types.ModuleType("__main__")
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    sys.modules["__main__"] = module
    sys.stdout = sys.stderr = Printed()
    refuse_imports(uses, namespace)
    try:
        problems = run_cells(read_cells(Path(path)), namespace)
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems = [f"{Path(path).name} cannot be read: {type(error).__name__}: {error}"]
    Host(control, namespace, problems).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])

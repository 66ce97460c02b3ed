"""The host: the process that loads a submission and forks a fresh copy of itself for each check.

Rule: there is nothing in this process worth stealing, and no check sees what another one left behind.
It runs inside the sandbox with a bare standard library and says nothing that is believed: what it
answers is either a value that the judge compares, or a text that is shown as the submission's own.
Left out: isolation (sandbox starts this process inside it), the answers themselves (session).
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import types

from course_lib.errors import PipeError
from course_lib.grading import forward
from course_lib.grading.cells import run_cells
from course_lib.grading.pipe import Pipe
from course_lib.grading.processes import adopt_orphans, kill_all, kill_descendants
from course_lib.grading.refuse import refuse_imports
from course_lib.grading.session import Printed, Session
from course_lib.grading.starter import same_definition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MEMORY = 1 << 30  # bytes that a check may add to what is in use when it begins, and loading, too
LIMITS = {  # what, at most
    "NPROC": 128,  # processes and threads
    "NOFILE": 512,
    "FSIZE": 32 << 20,  # bytes of one file
    "CORE": 0,
    "CPU": 120,  # seconds of one process; the judge's deadlines are shorter, this one ends what escapes them
}


class Host:
    """Answers the judge on the control pipe, and forks a session for each check."""

    def __init__(self, control: Pipe, namespace: dict[str, Any], problems: list[str]) -> None:
        self.control, self.namespace, self.problems = control, namespace, problems
        self.children: list[int] = []
        self.node: list[str] = []  # the command that runs a JavaScript session; empty for Python
        self.alone = False  # true when every other process here is ours to kill
        self.adopting = False  # true when what has lost its parent is a child of this process

    def serve(self) -> None:
        """Until the judge is gone. A question that makes no sense ends it, too."""
        with contextlib.suppress(PipeError):
            while True:
                question, fds = self.control.receive(fds=1)
                reply = getattr(self, "do_" + question.pop("op"))(*fds, **question)
                if reply is not None:
                    self.control.send(reply)
        self.do_end()

    def do_prepare(self, uses: list[str], files: list[list[str]], node: list[str]) -> bool:
        """Before anything of the submission runs: its own modules, and what it may import."""
        for name, text in files:
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        self.node = [*node, os.path.abspath(files[0][0])] if node else []
        self.uses = uses
        if not node:
            own = {name.removesuffix(".py") for name, _ in files}
            sys.path.insert(0, os.getcwd())
            refuse_imports(uses, self.namespace, own)
        return True

    def do_same(self, source: str | None, starter: str | None, id: str) -> bool:
        """True when it is the starter as it was given. Believed only as long as nothing has run."""
        return same_definition(source, starter, id)

    def do_run(self, cells: list[list[str]]) -> list[str]:
        """Runs code cells; what went wrong, a sentence per cell that failed."""
        if self.adopting:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the code may wait for what it starts
        limits = resource.getrlimit(resource.RLIMIT_DATA)
        limit_memory(firm=False)  # each check sets its own, from what is in use then
        problems = run_cells(cells, self.namespace)
        with contextlib.suppress(OSError, ValueError):  # the code has made it firm
            resource.setrlimit(resource.RLIMIT_DATA, limits)
        self.problems += problems
        return problems

    def do_session(self, fd: int) -> None:
        """A copy of this process that holds one check's conversation."""
        gc.freeze()  # else the copy's collector touches, and so copies, all of it
        if self.adopting:
            signal.signal(signal.SIGCHLD, self.reap)
        pid = os.fork()
        if pid:
            os.close(fd)
            self.children.append(pid)
            return
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()  # a group of its own: what the check starts ends with it
            self.control.close()
            if self.node:
                os.set_inheritable(fd, True)
                os.execv(self.node[0], [*self.node, str(fd), *self.uses])  # noqa: S606 - no shell wanted
            limit_memory()
            Session(Pipe(socket.socket(fileno=fd)), self.namespace, self.problems).serve()
        finally:
            os._exit(0)

    def do_forward(self, fd: int, port: int, listen: bool) -> bool:
        """A process that connects a port here with the judge's side (see forward). False when the port is taken."""
        try:
            listener = socket.create_server(("127.0.0.1", port)) if listen else None
        except OSError:
            os.close(fd)
            return False
        pid = os.fork()
        if pid:
            os.close(fd)
            self.children.append(pid)
            if listener:
                listener.close()
            return True
        try:
            os.setsid()
            self.control.close()
            channel = socket.socket(fileno=fd)
            forward.offer(listener, channel) if listener else forward.dial(port, channel)
        finally:
            os._exit(0)

    def do_end(self) -> bool:
        """Kills the checks' processes with all that they started, also those of a check that has ended by itself.

        It waits until they are gone: the next check has all that the limits allow.
        """
        for pid in list(self.children):
            for target in (-pid, pid):  # not reaped yet, so the number is still theirs
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(target, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self.children.clear()
        if self.alone:
            kill_all()
        elif self.adopting:
            kill_descendants(os.getpid())
        return True

    def reap(self, *_: Any) -> None:
        """Clears away the dead that were adopted, as they die: one after the other they could fill the system."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                if pid in self.children:
                    self.children.remove(pid)


def limit_memory(firm: bool = True) -> None:
    """Where /proc tells what is in use (Linux): more than MAX_MEMORY on top of it is a MemoryError.

    `firm`: the code cannot raise the limit again.
    """
    # Not RLIMIT_AS: the C library reserves 64 MB of addresses for each new thread, so that fifteen would be too many
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm") as file:
        limit = int(file.read().split()[5]) * resource.getpagesize() + MAX_MEMORY
        most = limit if firm else resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def quiet_descriptors() -> None:
    """Prints at the level of file descriptors go nowhere: they are neither answers nor of interest."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def confine(user: int, sandboxed: bool) -> None:
    """Gives up root for an unused user id (0: stays who it is), then sets the limits, which do not bind root."""
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    release = os.uname().release.split(".")
    # Processes are counted by user; since Linux 5.14 those of a namespace apart
    alone = bool(user) or (sandboxed and (int(release[0]), int(release[1].partition("-")[0])) >= (5, 14))
    for name, limit in LIMITS.items():
        if name != "NPROC" or alone:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))


def main(fd: int, sandboxed: bool, user: int) -> None:
    """`python -m course_lib.grading.host FD plain|sandbox USER`: answers the judge on the descriptor."""
    import _sitebuiltins
    import builtins

    quiet_descriptors()
    confine(user, sandboxed)
    # Started without the module site: these two are all that a program may miss
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = ["submission"]  # a descriptor's number would differ from run to run
    module.__dict__["__builtins__"] = builtins
    sys.stdout = sys.stderr = Printed()
    host = Host(Pipe(socket.socket(fileno=fd)), module.__dict__, [])
    host.alone = sandboxed
    host.adopting = not sandboxed and adopt_orphans()
    host.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "sandbox", int(sys.argv[3]))

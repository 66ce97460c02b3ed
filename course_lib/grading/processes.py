"""Finding and killing what a submission has started, from inside of its host and from outside.

Rule: nothing is killed by name, and nothing that may be somebody else's: in a sandbox everything is the submission's,
elsewhere what descends from its host. Linux tells who descends from whom; elsewhere only groups are killed (hosts).
Left out: when (host, hosts).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

SANDBOX = "sandbox"  # the host name in there
PR_SET_CHILD_SUBREAPER = 36
MAX_ROUNDS = 1000  # of killing what a check left: code that was loaded may go on starting processes
FEW_ROUNDS = 20  # ... from outside, where the dead are still to be seen until their parent ends


def kill_all() -> None:
    """Kills everything in the sandbox but this process and the sandbox's own first one. Outside of one: nothing."""
    if os.uname().nodename != SANDBOX or os.getppid() != 1:
        return  # as root it would end the machine
    for _ in range(MAX_ROUNDS):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:  # the rest is cleared away by the sandbox's first process
            time.sleep(0.001)


def adopt_orphans() -> bool:
    """From now on what loses its parent, as a daemon does, becomes a child of this process: Linux only."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def kill_descendants(number: int) -> None:
    """Kills all that a process has started and adopted, until nothing is left of it."""
    for _ in range(MAX_ROUNDS if number == os.getpid() else FEW_ROUNDS):
        found = descendants(number)
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
        if number == os.getpid():
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def descendants(number: int) -> list[int]:
    """What a process has started, and so on, where /proc tells (Linux)."""
    found = [number]
    for parent in found:  # grows on the way
        with contextlib.suppress(OSError, ValueError):
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
    return found[1:]

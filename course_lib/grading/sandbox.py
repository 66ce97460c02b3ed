"""The sandbox: a bubblewrap command line that shows one process almost nothing.

Rule: a list of what is there, not of what is forbidden: system libraries, Python's standard library, the
stage and the packages allowed, all read-only; a small private /tmp; namespaces of its own for processes,
network, IPC and host name; a filter for system calls that nobody needs here (seccomp). Started by root, the
process changes to an unused user id before it loads anything, because limits do not bind root.
Left out: limits (host), and killing it (hosts).
"""

import contextlib
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from course_lib.grading import seccomp
from course_lib.grading.staging import packages, stage

TMP_SIZE = 64 << 20  # bytes of files that a submission may keep, in memory


def _python() -> str:
    return os.path.realpath(sys.executable)


def command(uses: Iterable[str], node: str | None = None, info: int | None = None) -> list[str]:
    """The bwrap command line up to the program to run.

    `info`: a descriptor on which bwrap writes the number of the sandbox's first process.
    """
    root = os.geteuid() == 0
    base = os.path.realpath(sys.base_prefix)
    line = [shutil.which("bwrap") or "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    line += ["--unshare-cgroup-try"]
    line += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user", "--cap-drop", "ALL"]
    line += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"]
    for link in ("/lib", "/lib32", "/lib64"):
        if os.path.islink(link):
            line += ["--symlink", os.readlink(link), link]
    shown = _shown(base)
    for folder in sorted({str(parent) for tree in (*shown, "/etc/x") for parent in Path(tree).parents} - {"/"}):
        line += ["--dir", folder]  # readable, even where the real one is not
    for tree in shown:
        line += ["--ro-bind", tree, tree]
    line += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    line += ["--ro-bind", str(stage() / "hosts"), "/etc/hosts"]
    if node:
        line += ["--ro-bind", node, "/node"]
    for place in _hidden_places(base):
        line += ["--tmpfs", place, "--remount-ro", place]  # an ordinary user would own it, and could fill it
    line += ["--ro-bind", str(stage()), "/stage", "--dir", "/packages"]
    for path in packages(tuple(uses)):
        line += ["--ro-bind", str(path), f"/packages/{path.name}"]
    # A shared mapping of /dev/zero is memory that need not belong to a process: no limit would find it
    line += ["--proc", "/proc", "--dev", "/dev", "--dev-bind", "/dev/null", "/dev/zero"]
    line += ["--size", str(TMP_SIZE // 4), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    line += ["--remount-ro", "/dev", "--size", str(TMP_SIZE), "--perms", "1777", "--tmpfs", "/tmp", "--remount-ro", "/"]  # noqa: S108
    env = {"PYTHONPATH": "/stage:/packages", "HOME": "/tmp", "TMPDIR": "/tmp", **ENVIRONMENT}  # noqa: S108
    for name, value in env.items():
        line += ["--setenv", name, value]
    if info is not None:
        line += ["--info-fd", str(info)]
    return [*line, "--chdir", "/tmp"]  # noqa: S108


def unused_user(number: int = 0, needed: Iterable[str] = ()) -> int:
    """The user id that a process started by root changes to, so that limits and file permissions bind it.

    `number` tells submissions apart: processes are counted by user, also where workers are threads (Dask).
    0 when we are not root, or when another user could not read all of the `needed` paths.
    """
    if os.geteuid() != 0:
        return 0
    real = [Path(os.path.realpath(path)) for path in needed]
    open_to_all = all(folder.stat().st_mode & 0o001 for path in real for folder in (path, *path.parents))
    return 20_000 + number % 40_000 if open_to_all else 0


# A fixed hash seed: the same submission must give the same report
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _shown(base: str) -> list[str]:
    """The system's libraries, Python's own, and one program: Python. Others could do an exercise's work (Node)."""
    trees = [f"{home}/{lib}" for home in {"/usr", base} for lib in ("lib", "lib32", "lib64", "libx32")]
    trees += [tree for tree in ("/lib", "/lib32", "/lib64") if not os.path.islink(tree)]
    return sorted({os.path.realpath(tree) for tree in trees if os.path.isdir(tree)} | {_python()})


@functools.cache
def _hidden_places(base: str) -> tuple[str, ...]:
    """Folders inside the visible trees that must look empty: packages, and the course if it is installed there."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    places |= {sysconfig.get_path(name, vars={"base": base, "platbase": base}) for name in ("purelib", "platlib")}
    places |= {f"/usr/lib/{version}/dist-packages", "/usr/lib/python3/dist-packages"}
    places |= {str(Path(__file__).resolve().parents[2]), "/usr/lib/node_modules", "/usr/lib/nodejs"}
    shown = tuple(f"{tree}/" for tree in _shown(base))
    standard = os.path.realpath(sysconfig.get_path("stdlib"))
    real = {os.path.realpath(place) for place in places}
    hidden = [p for p in real if p.startswith(shown) and os.path.isdir(p) and not standard.startswith(p)]
    return tuple(sorted(p for p in hidden if not any(p.startswith(f"{other}/") for other in hidden)))


@functools.cache
def unavailable() -> str:
    """Why bubblewrap cannot be used here, or "" when it can: it is tried once."""
    if platform.system() != "Linux":
        return f"bubblewrap exists for Linux only, this is {platform.system()}"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    line = command(())
    try:
        with seccomp.descriptor() as filter_fd:
            line += ["--seccomp", str(filter_fd)] if filter_fd is not None else []
            trial = subprocess.run(
                [*line, _python(), "-S", "-s", "-P", "-c", "import course_lib.grading.host"],
                capture_output=True, text=True, timeout=30, pass_fds=() if filter_fd is None else (filter_fd,),
            )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap did not start: {error}"
    if trial.returncode == 0:
        return ""
    why = (trial.stderr.strip().splitlines() or ["no message"])[-1]
    return f"bubblewrap cannot make a sandbox here (are user namespaces forbidden?): {why}"


def start(uses: Iterable[str], fd: int, node: str | None, user: int) -> "tuple[subprocess.Popen[bytes], BinaryIO]":
    """Starts the host in a sandbox, its control pipe on `fd`; `user`: who it shall be, 0 for who we are.

    Gives the process and the file in which bwrap says what it made (first_process). It is no pipe: when nobody reads
    that any more, bwrap ends before its child has begun, and the child then waits for it for ever.
    """
    with contextlib.ExitStack() as stack, seccomp.descriptor() as filter_fd:
        info = stack.enter_context(open(os.memfd_create("info"), "rb"))
        line = command(uses, node, info.fileno())
        if filter_fd is not None:
            line += ["--seccomp", str(filter_fd)]
        host = [_python(), "-S", "-s", "-P", "-m", "course_lib.grading.host", str(fd), "sandbox", str(user)]
        process = subprocess.Popen(
            [*line, *host],
            pass_fds=tuple(n for n in (fd, info.fileno(), filter_fd) if n is not None),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(), start_new_session=True,
            env=ENVIRONMENT,  # --clearenv is not enough: bwrap's own can be read in /proc/1/environ
        )  # fmt: skip
        stack.pop_all()  # the one who stops the host closes it
    return process, info


def first_process(info: BinaryIO) -> int:
    """The number of the sandbox's first process, 0 when there is none yet."""
    found = re.search(rb'"child-pid": (\d+)', os.pread(info.fileno(), 4096, 0))  # it is written in several pieces
    return int(found[1]) if found else 0

"""What the other side of the pipe gets to see of this installation: a few files of ours, the packages allowed.

Rule: the code under judgement never sees the course's folder. The files of the host are copied, compiled
once, and used by every sandbox of this process; packages are the ones that an exercise names, with what they
require, found by their metadata. Left out: how they come to be visible (sandbox, hosts).
"""

import atexit
import contextlib
import fcntl
import functools
import os
import py_compile
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_FILES = ("errors.py", *(f"grading/{name}.py" for name in (
    "cells", "forward", "host", "pipe", "processes", "refuse", "session", "starter", "values",
)), "grading/session.mjs")  # fmt: skip
PREFIX = "course-stage-"
YOUNG = 60  # seconds; a stage that is just being made may not be locked yet
_borrowed: Path | None = None


def stage() -> Path:
    """A folder with the package `course_lib` as the host sees it: errors, and the host's half of grading."""
    return _borrowed or _make_stage()


def borrow_stage(folder: Path) -> None:
    """Uses the stage of the process that started this one: nothing is left behind when this one is killed."""
    global _borrowed
    _borrowed = folder


@functools.cache
def _make_stage() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)  # kept until this process ends, however it does
    atexit.register(_remove, folder, os.getpid())
    _sweep()
    library = Path(__file__).resolve().parents[1]
    (folder / "course_lib" / "grading").mkdir(parents=True)
    for name in _FILES:
        copy = folder / "course_lib" / name
        shutil.copyfile(library / name, copy)
        if copy.suffix == ".py":
            py_compile.compile(str(copy), doraise=True)
    (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n", "utf-8")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # read by the unused user of a sandbox that root starts
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked copy
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Removes the stages of processes that were killed: nobody holds their locks any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, in use, or gone by now
            if folder.stat().st_uid != os.geteuid() or time.time() - folder.stat().st_mtime < YOUNG:
                continue
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


@functools.cache
def _distributions() -> dict[str, str]:
    """Import name -> distribution name."""
    from importlib.metadata import packages_distributions

    return {name: dists[0] for name, dists in packages_distributions().items()}


@functools.lru_cache(maxsize=64)
def packages(uses: tuple[str, ...]) -> tuple[Path, ...]:
    """The files and folders in site-packages that the import names in `uses` need, requirements included."""
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.requirements import Requirement

    found: dict[Path, None] = {}
    seen: set[str] = set()
    wanted = [_distributions()[name] for name in uses if name in _distributions()]
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = distribution(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed
        for file in dist.files or ():
            if not file.parts[0].startswith(("..", "__pycache__")):
                found[Path(str(dist.locate_file(file.parts[0])))] = None
        for text in dist.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return tuple(path for path in found if path.exists())


def import_path(uses: Iterable[str]) -> list[str]:
    """What a plain process has on its path: the stage, and site-packages when the exercise allows any package."""
    homes = {str(path.parent) for path in packages(tuple(uses))}
    return [str(stage()), *sorted(homes)]

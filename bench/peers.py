"""Other graders, each in a virtual environment of its own under build/, made once: their pins would clash with ours.

Rule: versions stand in pyproject.toml, under the extra `peers`. Left out: what is done with them (grading, tests).
"""

import fcntl
import functools
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KERNEL_OF_ITS_OWN = {"otter-grader"}  # it imports itself in the kernel; others run the course's Python as their kernel
PATIENCE = 900  # seconds for one command


@functools.cache
def environment(name: str) -> Path:
    """The folder of the environment of the peer `name`, made by the first process that asks; others wait for it.

    KeyError: no version is pinned. CalledProcessError: it cannot be made; `stderr` says why.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = project["optional-dependencies"]["peers"] + project["dependencies"]
    pins = {pin.partition("==")[0]: pin for pin in pinned}
    home = ROOT / "build" / "peers" / pins[name]
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            packages = [name, "ipykernel"] if name in KERNEL_OF_ITS_OWN else [name]
            _run(sys.executable, "-m", "venv", "--clear", home)
            _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", *(pins[name] for name in packages))
            (home / "made").touch()
        if name not in KERNEL_OF_ITS_OWN:
            _run(sys.executable, "-m", "ipykernel", "install", "--prefix", home)
    return home


def run(name: str, program: str, *arguments: str, cwd: Path, **env: str) -> str:
    """Runs a program of the peer's environment, with settings and data of its own in `cwd`; gives what it printed.

    CalledProcessError: it ended with another status than 0. TimeoutExpired: it did not end.
    """
    binaries = environment(name) / "bin"
    env |= {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}  # nbgrader calls alembic by its name
    env |= dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"), str(cwd / "jupyter"))
    return _run(binaries / program, *arguments, cwd=cwd, env=os.environ | env)


def _run(*line: str | Path, **more: Any) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=PATIENCE, **more).stdout

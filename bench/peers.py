"""Other graders, each in a virtual environment of its own under build/, made once: they would clash with our pins.

Rule: versions stand in pyproject.toml, under the extra `peers`. Left out: what is done with them (grading, tests).
"""

import fcntl
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BRINGS_ITS_KERNEL = {"otter-grader"}  # its checks import it in the kernel; others get the course's Python as a kernel


def environment(name: str) -> Path:
    """The folder of the environment of the peer `name`, made by the first who asks; the others wait.

    KeyError: no pin for `name`. CalledProcessError: it could not be made, with what pip said in `stderr`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {pin.partition("==")[0]: pin for pin in project["optional-dependencies"]["peers"] + project["dependencies"]}
    home = ROOT / "build" / "peers" / pins[name]
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            kernel = [pins["ipykernel"]] if name in BRINGS_ITS_KERNEL else []
            _run(sys.executable, "-m", "venv", "--clear", home)
            _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", pins[name], *kernel)
            (home / "made").touch()
        if name not in BRINGS_ITS_KERNEL:
            _run(sys.executable, "-m", "ipykernel", "install", "--prefix", home)
    return home


def run(name: str, program: str, *arguments: str, cwd: Path) -> str:
    """Runs a program of the peer's environment with settings and data of its own in `cwd`; gives what it printed.

    CalledProcessError: it ended with another status than 0.
    """
    home = environment(name)
    env = os.environ | {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",  # nbgrader calls alembic by its name
        "JUPYTER_CONFIG_DIR": str(cwd / "jupyter"),
        "JUPYTER_DATA_DIR": str(cwd / "jupyter"),
    }
    return _run(home / "bin" / program, *arguments, cwd=cwd, env=env)


def _run(*line: str | Path, **more: object) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True, **more).stdout

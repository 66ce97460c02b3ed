"""An autograder for Gradescope: the judge and the exercises of one lesson, in the zip that Gradescope asks for.

Rule: the same course gives the same bytes. The zip holds what grading needs: checks, but no solutions. A run that
breaks leaves a results.json that says so to the student, because that one is written before the run begins.
Left out: grading itself (`course grade`), and what a results.json looks like (formats). What Gradescope does with
the zip stands in its documentation: gradescope-autograders.readthedocs.io, "Autograder Specifications".
"""

import io
import json
import re
import stat
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import MisuseError
from course_lib.grading.exercises import Course, Exercise

# What only people with a browser need. All other packages are installed: a check may be a client of any kind.
NOT_INSTALLED = frozenset({
    "anywidget", "ipykernel", "ipywidgets", "jupyter-server-proxy", "jupyterlab", "nbclient", "nbval",
})  # fmt: skip

_SETUP = """\
#!/usr/bin/env bash
# Builds the image, once: Python, the sandbox, and the packages that grading needs.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv bubblewrap
python=python3
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then  # as on Ubuntu 22.04
    apt-get install -y --no-install-recommends python3.11 python3.11-venv
    python=python3.11
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install -r "$root/source/requirements.txt"
"$root/venv/bin/python" -m pip install --no-deps "$root/source"
"""

_RUN = """\
#!/usr/bin/env bash
# Grades one submission. When anything goes wrong, the result that is written first stays, and this fails.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
export COURSE_ROOT="$root/source" PATH="$root/venv/bin:$PATH"
results="$root/results/results.json"
trap 'echo "run_autograder: line $LINENO failed, nothing was graded; the reason stands above" >&2' ERR
mkdir -p "$root/results"
cp "$root/source/failed.json" "$results"
# For nobody but root, in case a submission runs outside of bubblewrap's walls.
chmod -R go= "$root/source/solutions" "$root/results"
[ ! -e "$root/submission_metadata.json" ] || chmod go= "$root/submission_metadata.json"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/all"
cp -RP "$root/submission" "$work/all/submission"  # a folder in a folder: all of it is one student's
export COURSE_STATE="$work/state"
course grade "$work/all" --hidden --format gradescope --output "$work/results.json"
"$root/venv/bin/python" -m json.tool "$work/results.json" > /dev/null  # empty or cut off is no result
cp "$work/results.json" "$results"
"""


def gradescope_zip(course: Course, exercises: Sequence[Exercise], target: Path) -> None:
    """Writes the autograder for these exercises of one lesson to `target`.

    Raises MisuseError when they are of several lessons, or when files that the zip needs are not here.
    """
    lessons = sorted({exercise.lesson for exercise in exercises})
    if len(lessons) != 1:
        raise MisuseError(
            "a Gradescope assignment takes one notebook, so choose exercises of one lesson; "
            f"these are of {', '.join(lessons) or 'none'}"
        )
    home = Path(__file__).resolve().parents[2]  # the library's own, whichever course is exported
    files = {path.relative_to(home).as_posix(): path for path in _library(home)}
    for exercise in exercises:
        for path in (exercise.notebook, exercise.check_file(), exercise.check_file(hidden=True)):
            files[path.relative_to(course.root).as_posix()] = path
    if missing := sorted(name for name, path in files.items() if not path.is_file()):
        raise MisuseError(f"export needs a whole copy of the course, solutions/ included; not here: {missing[0]}")
    made = {
        "setup.sh": _SETUP,
        "run_autograder": _RUN,
        "requirements.txt": _requirements(files["pyproject.toml"]),
        "failed.json": _failed(lessons[0], sum(exercise.points() for exercise in exercises)),
    }
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents |= {name: text.encode() for name, text in made.items()}
    target.write_bytes(_packed(contents, programs=("setup.sh", "run_autograder")))


def _library(home: Path) -> list[Path]:
    """The package and what pip needs to install it."""
    found = [path for path in (home / "course_lib").rglob("*") if path.is_file()]
    code = [path for path in found if not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)]
    return code + [home / name for name in ("pyproject.toml", "README.md", "LICENSE")]


def _requirements(pyproject: Path) -> str:
    pins = tomllib.loads(pyproject.read_text("utf-8"))["project"]["dependencies"]
    return "".join(f"{pin}\n" for pin in pins if re.split(r"[^\w.-]", pin)[0] not in NOT_INSTALLED)


def _failed(lesson: str, points: int) -> str:
    """The result of a submission that could not be graded."""
    output = (
        "Your submission was not graded: these 0 points are not your mark.\n"
        f"Hand in your notebook {lesson}.ipynb and no other file. If that is what you did, the fault is not yours: "
        "tell your instructor, who finds the reason in the output of the autograder."
    )
    test = {"score": 0, "max_score": points, "status": "failed", "name": "Not graded", "output": output}
    return json.dumps({"output": output, "tests": [test]}, indent=2) + "\n"


def _packed(contents: dict[str, bytes], programs: Sequence[str]) -> bytes:
    """A zip without anything of this machine: sorted, no times, its own permissions."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(contents):
            info = zipfile.ZipInfo(name)  # its time is the earliest that a zip knows
            info.create_system = 3  # Unix, wherever this runs: the permissions count
            info.external_attr = (stat.S_IFREG | (0o755 if name in programs else 0o644)) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, contents[name])
    return packed.getvalue()

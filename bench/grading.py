"""How long a verdict takes, how many gradings a second there are beside other graders, and whether the judge grows.

Rule: all grade one folder of notebooks, in one run; what warms a grader up is not timed. The peers take one submission
after another in a process that stays, the fastest way they offer without Docker. Their checks are assertions about
literal pairs, in the student's process: less work than ours, which add random streams and compare from outside.
"""

import contextlib
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from bench import peers
from course_lib.grading.batch import Options, grade_all
from course_lib.grading.exercises import Course
from course_lib.grading.submissions import read_submissions

ROOT = Path(__file__).resolve().parents[1]
CANDIDATES = ROOT / "tests" / "candidates"
LESSON, EXERCISE = "03_sse_format", "parse_sse_stream"
TO_THE_DEADLINE = {"quadratic"}  # these would measure the deadline
JOBS = (os.cpu_count() or 1) + 1  # as `course grade` takes by itself
WARM = 6  # WARM: results before the clock starts; each worker then has its judge
Row = dict[str, Any]

VERDICTS = """
import json, time
from course_lib.grading.exercises import Course
from course_lib.notebook.verdict import verdict
exercise = Course.find().exercise("parse_sse_stream")
verdict(exercise, globals())
times = []
for _ in range(20):
    started = time.perf_counter()
    result = verdict(exercise, globals())
    times.append(time.perf_counter() - started)
print(json.dumps([result.outcome, times]))
"""
GRADINGS = """
import sys
from pathlib import Path
from course_lib.grading.batch import Options, grade_submission
from course_lib.grading.exercises import Course
from course_lib.grading.submissions import read_submissions
root, path = sys.argv[1:]
course = Course(Path(root))
submission = read_submissions([Path(path)], course, course.exercise("read_field"))[0]
for line in sys.stdin:
    for _ in range(int(line)):
        entry = grade_submission(submission, Options(root, isolation="bubblewrap"))
        assert entry["exercises"][0]["outcome"] == "correct", entry
    print("done", flush=True)
"""

PAIRS = [  # None: a ValueError is due
    ('data: {"a": "Hello"}\n\ndata:2\n\ndata: [DONE]\n\n', [{"a": "Hello"}, 2]),
    ("data: 1\r\rdata: 2\r\n\r\ndata: 3\n", [1, 2]),
    (": ping\n\ndata: [1,\r\n: ping\ndata: 2]\n\n", [[1, 2]]),
    ('data: "a\u2028\x85b"\n\n', ["a\u2028\x85b"]),
    (": a\x0bdata: 1\x0b\ndata: 2\n\n", [2]),
    ("data: 1\n\ndata: [DONE]\n\ndata: x\n\n", [1]),
    ("data: [DONE] \n\n", None),
    ("data: 1\n\ndata: true\n\ndata: null\n\ndata: {}\n\n", [1, True, None, {}]),
    ("data\n\n", None),
    ("\ufeffdatax: 1\n\n data: 1\n\nevent: e\ndata: 2\nid: 2\n\n", [2]),
]
ASSERTIONS = f"""\
for stream, expected in {PAIRS!r}:
    try:
        got = parse_sse_stream(stream)
    except ValueError:
        got = None
    assert got == expected
stream = "".join(f"data: {{number}}\\n: {{'heartbeat ' * 20}}\\n\\n" for number in range(20_000))
assert parse_sse_stream(stream) == list(range(20_000))
"""
CHECK_CELL = f"### BEGIN HIDDEN TESTS\n{ASSERTIONS}### END HIDDEN TESTS"
OTTER_TEST = f"""\
from otter.test_files import test_case
OK_FORMAT, name = False, "parse_sse_stream"
@test_case(points=1)
def test(parse_sse_stream):
{textwrap.indent(ASSERTIONS, "    ")}"""

GRADERS = {  # a program for each peer's environment: grade(path) gives the points, 1 at most
    "nbgrader": """
from nbgrader.apps import NbGraderAPI
api = NbGraderAPI()
def succeed(done):
    assert done["success"], done
def grade(path):
    succeed(api.autograde("sse", path.parts[1]))
    with api.gradebook as book:
        return book.find_submission("sse", path.parts[1]).score
succeed(api.generate_assignment("sse"))
""",
    "otter-grader": """
from otter.api import grade_submission
from otter.generate import main as generate
def grade(path):
    return grade_submission(str(path), quiet=True).total
generate()
""",
}
GRADE_EACH = """
import json, sys, time
from pathlib import Path
marks = []
for path in sorted(Path("submitted").glob("*/*/*.ipynb"))[:int(sys.argv[1])]:
    started = time.perf_counter()
    points = grade(path)
    marks.append([path.parts[1], points, time.perf_counter() - started])
print(json.dumps(marks))
"""


def rows(quick: bool = False) -> list[Row]:
    """What, ours, peer, ratio, reach and ok of each figure. quick: fewer submissions."""
    return [_check(), *_batch(24 if quick else 120, 2 if quick else 5), _memory(100 if quick else 1000)]


def _row(what: str, ours: str, ratio: str, reach: str, ok: bool, peer: str = "") -> Row:
    return {"what": what, "ours": ours, "peer": peer, "ratio": ratio, "reach": reach, "ok": ok}


def _check() -> Row:
    notebook = _notebook()
    notebook.cells[1] = nbformat.v4.new_code_cell(VERDICTS)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "solutions")}}).execute()
    outcome, times = json.loads(notebook.cells[1].outputs[0]["text"])
    assert outcome == "correct"
    what, median = f"check() verdict in a warm kernel ({EXERCISE})", statistics.median(times)
    return _row(what, f"{median:.3f} s", f"worst {max(times):.3f} s", "under 0.5 s", median < 0.5)


def _batch(timed: int, timed_by_peers: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, timed + WARM)
        ours = _our_rate(folder, timed)
        what = f"isolated gradings, hidden checks too, {JOBS} jobs, from result {WARM} to {timed + WARM}"
        yield _row(what, f"{ours:.1f} a second", "", ">= 15 a second", ours >= 15)
        for peer in GRADERS:
            yield _beside(peer, folder, timed_by_peers, ours)


def _our_rate(folder: Path, timed: int) -> float:
    """Gradings a second. The pool starts with the first of them, so the clock runs between two results."""
    course = Course(ROOT)
    submissions = read_submissions([folder / "submitted"], course, course.exercise(EXERCISE))
    moments = []
    for submission, entry in grade_all(submissions, Options(str(ROOT), hidden=True, isolation="bubblewrap"), JOBS):
        moments.append(time.perf_counter())
        correct = entry["exercises"][0]["outcome"] == "correct"
        assert correct == ("right" in submission.student), f"{submission.student}: {entry}"
    return timed / (moments[-1] - moments[WARM - 1])


def _beside(peer: str, folder: Path, timed: int, ours: float) -> Row:
    """The row of a peer. When it cannot be installed or run, or takes a right answer for wrong, the row says so."""
    what, theirs, ratio, ok = f"the same submissions through {peer}", "did not run", "", False
    try:
        what = f"the same submissions through {peers.environment(peer).name.replace('==', ' ')}, one at a time"
        printed = peers.run(peer, "python", "-c", GRADERS[peer] + GRADE_EACH, str(timed + 1), cwd=folder)
        marks = json.loads(printed.splitlines()[-1])
        rate = timed / sum(seconds for _, _, seconds in marks[1:])
        lost = [student for student, points, _ in marks if "right" in student and points != 1]
        theirs, ratio, ok = f"{rate:.2f} a second", f"{ours / rate:.0f}", not lost
        what += f"; full marks denied to {', '.join(lost)}" if lost else ""
    except (subprocess.SubprocessError, OSError, LookupError, ValueError) as error:
        what += f": {(getattr(error, 'stderr', '') or str(error)).strip()[-300:]}"
    return _row(what, f"{ours:.1f} a second", ratio, "named peer", ok, theirs)


def _prepare(folder: Path, number: int) -> None:
    """nbgrader's source, otter's test, and notebooks with a right and a wrong candidate in turn."""
    (folder / "tests").mkdir()
    (folder / "tests" / f"{EXERCISE}.py").write_text(OTTER_TEST, "utf-8")
    notebook = _notebook()
    notebook.cells[1].source = CHECK_CELL
    _write(notebook, folder / "source" / "sse")
    kinds = [sorted((CANDIDATES / EXERCISE / kind).glob("*.py")) for kind in ("right", "wrong")]
    in_turn = itertools.chain.from_iterable(zip(*map(itertools.cycle, kinds), strict=True))
    chosen = (path for path in in_turn if path.stem not in TO_THE_DEADLINE)
    for place, path in enumerate(itertools.islice(chosen, number)):
        notebook = _notebook()
        notebook.cells[0].source = path.read_text("utf-8")
        _write(notebook, folder / "submitted" / f"{place:03}_{path.parent.name}_{path.stem}" / "sse")


def _notebook() -> Any:
    """The solution notebook with only the answer of the exercise and an empty check cell, both marked for nbgrader."""
    notebook = nbformat.read(ROOT / "solutions" / f"{LESSON}.ipynb", as_version=4)
    ids = EXERCISE, f"check_{EXERCISE}"
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") in ids]
    notebook.cells[1].source, notebook.cells[1].metadata.nbgrader.points = "", 1
    return notebook


def _write(notebook: Any, folder: Path) -> None:
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{LESSON}.ipynb")


def _memory(number: int) -> Row:
    """One process grades one submission again and again: what it takes early on, and at the end."""
    line = [sys.executable, "-c", GRADINGS, ROOT, CANDIDATES / "read_field" / "right" / "split_once.py"]
    readings, early = [], number // 10
    with subprocess.Popen(line, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for more in (early, number - early):
            print(more, file=process.stdin, flush=True)
            assert process.stdout.readline(), "the process that grades has ended"
            time.sleep(0.5)  # the last verdict's process may be on its way out
            readings.append(_reading(process.pid))
    (before, *counts_before), (after, *counts) = readings
    what = f"memory of the judge ({counts[0]} processes, {counts[1]} open files) after {early} and {number} gradings"
    ok = after <= 1.05 * before and counts == counts_before
    return _row(what, f"{before:.1f}, {after:.1f} MB", f"{after / before:.3f}", "<= 1.05, same counts", ok)


def _reading(pid: int) -> tuple[float, int, int]:
    """Megabytes, number of processes and number of open files, of a process and all that came from it.

    Anonymous memory: what forks share counts once, and files not at all, since other programs map them too.
    """
    places = [Path("/proc", str(pid))]
    for place in places:  # it grows on the way
        places += [Path("/proc", child) for path in place.glob("task/*/children") for child in path.read_text().split()]
    kilobytes = files = 0
    for place in places:
        with contextlib.suppress(OSError):  # a zombie counts as a process only
            kilobytes += int(re.search(r"Pss_Anon:\s+(\d+)", (place / "smaps_rollup").read_text())[1])
            files += len(os.listdir(place / "fd"))
    return kilobytes / 1024, len(places), files

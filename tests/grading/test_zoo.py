"""The zoo: whatever a hostile submission tries, it earns nothing, harms nothing, tells nothing and leaves nothing.

Rule: an attack is a file in tests/candidates/<exercise>/hostile, or a folder of files graded one after the other. Its
docstring says what it tries, `EARNS` how many points it may get (0 without), `VARIES` that two reports of it differ,
`SLOW` that `make test` leaves it to `make zoo`, `SAME` that it is tried twice. Success shows: WON in a report, a file
with our token, a connection.
`python -m tests.grading.test_zoo [NAME...]` writes the golden reports again: read the differences before you commit.
Left out: files that are no submission (test_submissions).
"""

import ast
import contextlib
import ctypes
import json
import os
import shutil
import site
import socket
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

import pytest

from course_lib.grading import loading
from course_lib.grading.batch import Options, grade_submission
from course_lib.grading.exercises import Course
from course_lib.grading.formats import render
from course_lib.grading.hosts import BUBBLEWRAP
from course_lib.grading.judge import judge
from course_lib.grading.starter import starter_of
from course_lib.grading.submissions import read_submissions

ROOT = Path(__file__).resolve().parents[2]
CANDIDATES = ROOT / "tests" / "candidates"
GOLDEN = CANDIDATES / "parse_sse_stream" / "hostile" / "golden.json"
IDS = ("parse_sse_stream", "measure_stream", "SSEParser", "stream_events")
NEIGHBOURS = ["parse_sse_stream/right/blocks.py", "parse_sse_stream/wrong/published_answer.py"]  # graded in between
HONEST = [*NEIGHBOURS, "parse_sse_stream/wrong/splitlines.py", "SSEParser/wrong/strips_values.py"]
LIMITS = ("no answer", "ended", "emory", "printed more", "did not finish", "TimeoutExpired", "has ended")
WON, LEAK, SECRET, SYSV_KEY = "ZOO-WON", "LEAK", "zoo-secret", 0x5A4F4F01
PR_SET_CHILD_SUBREAPER = 36
BOMBS = {  # sources that are hard to parse or to compile, too large to keep as files
    "brackets": "(" * 100_000 + ")" * 100_000, "minuses": "-" * 100_000 + "1", "additions": "1" + " + 1" * 100_000,
    "attributes": "y" + ".y" * 100_000, "branches": "0\nif 0: pass\n" + "elif 0: pass\n" * 20_000,
    "lambdas": "lambda: " * 20_000 + "0", "items": "[" + "0," * 4_000_000 + "]", "digits": "9" * 1_000_000,
    "constants": "(" + "1 << 900_000, " * 2_000 + ")", "lines": "0\n" * 4_000_000,
}  # fmt: skip


def files_of(name):
    path = CANDIDATES / name
    files = path.iterdir() if path.is_dir() else [path]
    return sorted(file for file in files if file.suffix in (".py", ".ipynb", ".mjs"))


def declared(path, name):
    """A literal of a module, or an entry of a notebook's metadata: EARNS, VARIES or SLOW."""
    if path.suffix == ".ipynb":
        return json.loads(path.read_text("utf-8"))["metadata"].get(name)
    if path.suffix == ".mjs":
        return f"// {name} = true" in path.read_text("utf-8")
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    return None


NAMES = [str(path.relative_to(CANDIDATES)) for id in IDS for path in sorted((CANDIDATES / id / "hostile").iterdir())]
ATTACKS = [name for name in NAMES if files_of(name)]
REPORTS = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
STEADY = [str(p.relative_to(CANDIDATES)) for name in ATTACKS for p in files_of(name) if not declared(p, "VARIES")]
TWICE = [name for name in STEADY if declared(CANDIDATES / name, "EARNS") and not declared(CANDIDATES / name, "SLOW")]
TWICE += [name for name in ATTACKS if declared(files_of(name)[0], "SAME")]


class Zoo:
    """A course of its own to attack, and things around it that an attack must not reach."""

    def __init__(self, folder):
        self.folder, self.token, self.judges = Path(folder).resolve(), uuid.uuid4().hex[:10], set()
        self.root, self.canary = self.folder / "course", self.folder / "canary"
        for name in ("exercises", "solutions"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.canary.mkdir()
        os.environ["ZOO_SECRET"] = f"{SECRET}-{self.token}"
        (self.canary / "canary.txt").write_text(os.environ["ZOO_SECRET"])
        self.victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        tcp = socket.create_server(("127.0.0.1", 0))
        udp, unix = socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)
        self.sockets = (tcp, udp, unix)
        udp.bind(tcp.getsockname())
        unix.bind(f"\0zoo-{self.token}")
        unix.listen()
        for sock in self.sockets:
            sock.setblocking(False)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes our child
        self.course = Course(self.root)
        self.texts = {
            "@TOKEN@": self.token, "@COURSE@": str(self.root), "@CANARY@": str(self.canary),
            "@PORT@": str(tcp.getsockname()[1]), "@OUTER@": str(os.getpid()), "@VICTIM@": str(self.victim.pid),
            "# @STARTER@": starter_of(self.course.exercise("parse_sse_stream")),
        }  # fmt: skip
        for id in IDS:  # compiles the checks
            self.grade(self.course.exercise(id).solution_notebook, id)
        self.before = self.neighbours(), self.files()

    def close(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)
        del os.environ["ZOO_SECRET"]
        self.victim.kill()
        self.victim.communicate()
        for sock in self.sockets:
            sock.close()

    def grade(self, path, id):
        """The entry of a file. Only ever in a sandbox: without one, an attack would do what it says."""
        assert loading.isolation() == BUBBLEWRAP, "the zoo is let loose in a sandbox only"
        self.judges.add(judge().process.pid)  # each in a process group of its own; it may be replaced
        (submission,) = read_submissions([path], self.course, self.course.exercise(id))
        return grade_submission(submission, Options(str(self.root), hidden=True))

    def entries(self, name):
        """Each file of an attack with its entry, graded as it is handed in: with our names and numbers in it."""
        for path in files_of(name):
            text = path.read_text("utf-8")
            for place, value in self.texts.items():
                text = text.replace(place, value)
            copy = self.folder / path.name
            copy.write_text(text, "utf-8")
            yield path, self.grade(copy, name.partition("/")[0])

    def neighbours(self):
        return [json.dumps(self.grade(CANDIDATES / name, name.partition("/")[0])) for name in NEIGHBOURS]

    def files(self):
        """Everything in the folders that only we use, and what carries our token in those of everybody."""
        own = [path for folder in (self.root, self.canary) for path in [folder, *folder.rglob("*")]]
        seen = {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns, path.lstat().st_mode) for path in own}
        shared = {"/", "/etc", "/opt", "/run", "/tmp", "/var/tmp", "/var/lib", "/dev", "/dev/shm", "/usr/local/lib"}
        shared |= {os.getcwd(), str(ROOT), str(Path.home()), str(self.folder), *filter(None, sys.path)}
        for folder in {*shared, *site.getsitepackages(), site.getusersitepackages()}:
            with contextlib.suppress(OSError):
                seen |= {f"{folder}/{name}": () for name in os.listdir(folder) if self.token in name}
        return seen

    def processes(self):
        """The stat lines of the living processes that came from us, but for the judge's and the victim."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                text = stat.read_text()
                state, parent, group, *_ = text.rpartition(")")[2].split()
                if state != "Z" and int(group) not in self.judges:
                    children.setdefault(int(parent), {})[int(stat.parent.name)] = text
        left = [os.getpid()]
        while left:
            more = children.get(left.pop(), {})
            left += more
            yield from (text for pid, text in more.items() if pid != self.victim.pid)

    def heard(self):
        """What reached a socket of ours."""
        for sock in self.sockets:
            with contextlib.suppress(BlockingIOError):
                yield sock.recv(100) if sock.type == socket.SOCK_DGRAM else sock.accept()

    def harm(self):
        """What differs from before: processes, files, connections, segments, a process of ours, marks of others."""
        neighbours, files = self.before
        yield from self.processes()
        yield from sorted(set(self.files().items()) ^ set(files.items()))
        yield from self.heard()
        yield from (t for t in ("shm", "sem", "msg") if str(SYSV_KEY) in Path(f"/proc/sysvipc/{t}").read_text())
        if Path(f"/proc/{self.victim.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            yield "the victim is dead, or stopped"
        yield from (new for new, old in zip(self.neighbours(), neighbours, strict=True) if new != old)

    def short(self, entry):
        """An entry for the golden file: how many checks say what, and the first message in full."""
        (exercise,) = entry["exercises"]
        said, first = Counter(), ""
        for check in exercise["checks"]:
            message = check["message"].split("\nread on: ")[0]
            said[f"{check['outcome']}: {message}" if check["hidden"] and message else check["outcome"]] += 1
            first = first or ("" if check["hidden"] else message)
        marks = {name: exercise[name] for name in ("points", "outcome")}
        text = json.dumps({**marks, "checks": said, "first": first, "problems": entry["problems"][:3]})
        for place in ("@TOKEN@", "@COURSE@", "@CANARY@"):
            text = text.replace(self.texts[place], place)
        return json.loads(text)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    with contextlib.closing(Zoo(tmp_path_factory.mktemp("zoo"))) as made:
        yield made


def marked(name):
    """With the mark `slow` where it is declared, which waits for a limit of time or takes much memory."""
    return pytest.param(name, marks=[pytest.mark.slow] if any(declared(p, "SLOW") for p in files_of(name)) else [])


@pytest.mark.parametrize("name", [marked(name) for name in ATTACKS])
def test_an_attack_gets_nothing_and_leaves_nothing(name, zoo):
    for path, entry in zoo.entries(name):
        harm, everything = list(zoo.harm()), json.dumps(entry)
        hidden = json.dumps([check for check in entry["exercises"][0]["checks"] if check["hidden"]])
        assert entry["exercises"][0]["points"] <= (declared(path, "EARNS") or 0)
        assert [text for text in (WON, SECRET) if text in everything] == []
        assert LEAK not in hidden
        assert harm == []
        assert len(everything) < 60_000
        for format in ("text", "junit", "csv", "gradescope"):
            odd = {char for char in render([entry], format) if not char.isprintable() and char not in "\r\n\t"}
            assert odd == set(), f"{format}: these steer terminals, or cannot be written"
        if not declared(path, "VARIES"):
            assert_as_before(zoo.short(entry), REPORTS[str(path.relative_to(CANDIDATES))])


def assert_as_before(short, golden):
    """The points; all the rest, too, unless a limit ended it: a busy machine decides which one came first."""
    assert short["points"] == golden["points"]
    said = json.dumps([short, golden])
    if not any(word in said for word in LIMITS):
        assert short == golden


@pytest.mark.parametrize("name", TWICE)
def test_a_second_grading_begins_from_nothing(name, zoo):
    assert len({json.dumps([entry for _, entry in zoo.entries(name)]) for _ in range(2)}) == 1


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("end", ["", "'NotImplementedError'"], ids=["", "compared with the starter"])
def test_a_source_that_cannot_be_parsed_is_a_result(name, end, zoo):
    path = zoo.folder / f"{name}.py"
    path.write_text(f"x = {BOMBS[name]}\n{end}\n")
    entry = zoo.grade(path, "parse_sse_stream")
    assert (entry["exercises"][0]["points"], list(zoo.harm())) == (0, [])
    assert len(json.dumps(entry)) < 60_000


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_submission_gets_what_it_got_before(name, zoo):
    assert [zoo.short(entry) for _, entry in zoo.entries(name)] == [REPORTS[name]]


def test_every_golden_report_belongs_to_a_submission():
    assert sorted(REPORTS) == sorted([*STEADY, *HONEST])


def write_golden(names):
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Zoo(folder)) as zoo:
        for name in names or [*ATTACKS, *HONEST]:
            for path, entry in zoo.entries(name):
                REPORTS[str(path.relative_to(CANDIDATES))] = zoo.short(entry)
    kept = {key: short for key, short in REPORTS.items() if key in [*STEADY, *HONEST]}
    GOLDEN.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    write_golden(sys.argv[1:])

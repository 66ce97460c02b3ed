"""The zoo: whatever a hostile submission tries, it earns nothing, harms nothing, tells nothing and leaves nothing.

Rule: an attack is a file in tests/candidates/<exercise>/hostile; the first line of its docstring says what it tries,
`EARNS` how many points it may get (0 without), `VARIES` that its report cannot be the same twice. What it gets through
with it says itself: by the text of WON in a report, by a file named after TOKEN, by a connection to the test's ports.
A folder holds submissions that work together, graded in the order of their names. `python -m tests.grading.test_zoo`
writes the golden reports again (golden.json); read the differences before you commit them.
Left out: files that are no submission (test_submissions), bytes on the pipe (test_pipe).
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
IDS = ("parse_sse_stream", "measure_stream", "SSEParser")
SUFFIXES = (".py", ".ipynb", ".mjs")
NEIGHBOURS = ["parse_sse_stream/right/blocks.py", "parse_sse_stream/wrong/published_answer.py"]  # graded in between
OTHERS = [*NEIGHBOURS, "parse_sse_stream/wrong/splitlines.py", "SSEParser/wrong/strips_values.py"]
WON, LEAK, SECRET, SYSV_KEY = "ZOO-WON", "LEAK", "zoo-secret", 0x5A4F4F01
PR_SET_CHILD_SUBREAPER = 36


def attacks():
    """Their names: files, and folders of files that belong together."""
    found = []
    for id in IDS:
        for path in sorted((CANDIDATES / id / "hostile").iterdir()):
            if path.suffix in SUFFIXES or (path.is_dir() and path.name != "__pycache__"):
                found.append(f"{id}/hostile/{path.name}")
    return found


def declared(path, name):
    """A literal of a module, or an entry of a notebook's metadata: EARNS or VARIES."""
    if path.suffix == ".ipynb":
        return json.loads(path.read_text("utf-8"))["metadata"].get(name)
    for node in ast.parse(path.read_text("utf-8")).body if path.suffix == ".py" else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    return None


def earns_something(name):
    path = CANDIDATES / name
    return path.is_file() and declared(path, "EARNS") and not declared(path, "SLOW")


BOMBS = {  # sources that are hard to parse or to compile, too large to keep as files
    "brackets": "x = " + "(" * 100_000 + ")" * 100_000,
    "minuses": "x = " + "-" * 100_000 + "1",
    "additions": "x = 1" + " + 1" * 100_000,
    "attributes": "x = y" + ".y" * 100_000,
    "branches": "if 0: pass\n" + "elif 0: pass\n" * 20_000,
    "lambdas": "x = " + "lambda: " * 20_000 + "0",
    "items": "x = [" + "0," * 4_000_000 + "]",
    "constants": "x = (" + "1 << 900_000, " * 2_000 + ")",
    "digits": "x = " + "9" * 1_000_000,
    "lines": "x = 0\n" * 2_000_000,
}


class Zoo:
    """A course of its own to attack, and things around it that an attack must not reach."""

    def __init__(self, folder):
        self.folder, self.token = Path(folder).resolve(), uuid.uuid4().hex[:10]
        self.root, self.canary = self.folder / "course", self.folder / "canary"
        for name in ("exercises", "solutions"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.canary.mkdir()
        (self.canary / "canary.txt").write_text(f"{SECRET}-{self.token}")
        os.environ["ZOO_SECRET"] = f"{SECRET}-{self.token}"
        self.victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.listeners = [socket.create_server(("127.0.0.1", 0)), *map(socket.socket, [socket.AF_UNIX] * 2)]
        self.port = self.listeners[0].getsockname()[1]
        self.listeners[1].bind(f"\0zoo-{self.token}")
        self.listeners[2].bind(str(self.canary / "socket"))
        for listener in self.listeners[1:]:
            listener.listen()
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        for listener in (*self.listeners, self.datagrams):
            listener.setblocking(False)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes our child
        self.course = Course(self.root)
        starter = starter_of(self.course.exercise("parse_sse_stream"))
        self.texts = {
            "@TOKEN@": self.token, "@COURSE@": str(self.root), "@CANARY@": str(self.canary), "@PORT@": str(self.port),
            "@OUTER@": str(os.getpid()), "@VICTIM@": str(self.victim.pid), "# @STARTER@": starter,
        }  # fmt: skip
        self.between()
        for id in IDS:
            self.grade(self.course.exercise(id).solution_notebook, id)
        self.untouched = self.between(), self.files()

    def close(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)
        del os.environ["ZOO_SECRET"]
        self.victim.kill()
        self.victim.communicate()
        for listener in (*self.listeners, self.datagrams):
            listener.close()

    def grade(self, path, id):
        """The entry of a file. Only ever in a sandbox: without one, an attack would do what it says."""
        assert loading.isolation() == BUBBLEWRAP, "the zoo is let loose in a sandbox only"
        (submission,) = read_submissions([path], self.course, self.course.exercise(id))
        return grade_submission(submission, Options(str(self.root), hidden=True))

    def submitted(self, name):
        """The files of an attack as they are handed in, each in a folder of its own."""
        source = CANDIDATES / name
        for path in sorted(source.iterdir()) if source.is_dir() else [source]:
            if path.suffix in SUFFIXES:
                text = path.read_text("utf-8")
                for place, value in self.texts.items():
                    text = text.replace(place, value)
                copy = self.folder / "handed-in" / path.stem / path.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(text, "utf-8")
                yield path, copy

    def between(self):
        """What two honest submissions get now, as text."""
        return [json.dumps(self.grade(CANDIDATES / name, name.split("/")[0])) for name in NEIGHBOURS]

    def files(self):
        """Everything in the folders that only we use, and what carries our token in those of everybody."""
        own = [path for folder in (self.root, self.canary) for path in [folder, *folder.rglob("*")]]
        seen = {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns, path.lstat().st_mode) for path in own}
        shared = {"/", "/etc", "/opt", "/run", "/tmp", "/var/tmp", "/var/lib", "/dev", "/dev/shm", "/usr/local/lib"}
        shared |= {os.getcwd(), str(ROOT), str(Path.home()), tempfile.gettempdir(), str(self.folder)}
        shared |= {*site.getsitepackages(), site.getusersitepackages(), *filter(None, sys.path)}
        for folder in shared:
            with contextlib.suppress(OSError):
                seen |= {f"{folder}/{name}": () for name in os.listdir(folder) if self.token in name}
        return seen

    def processes(self):
        """The processes that came from us, but for the judge's, the victim, and those that are dead."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                text = stat.read_text()
                state, parent = text.rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents.setdefault(int(parent), {})[int(stat.parent.name)] = text
        found, left = [], [os.getpid()]
        while left:
            for pid, text in parents.get(left.pop(), {}).items():
                if pid not in (judge().process.pid, self.victim.pid):
                    left.append(pid)
                    found.append(text)
        return found

    def heard(self):
        """What reached a socket of ours."""
        found = []
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                found.append(listener.accept())
        with contextlib.suppress(BlockingIOError):
            found.append(self.datagrams.recv(100))
        return found

    def harm(self):
        """What differs from before the attack, in words."""
        between, files = self.untouched
        found = {
            "processes": self.processes(),
            "files": sorted(set(self.files().items()) ^ set(files.items())),
            "connections": self.heard(),
            "segments": [t for t in ("shm", "sem", "msg") if str(SYSV_KEY) in Path(f"/proc/sysvipc/{t}").read_text()],
            "victim": [] if Path(f"/proc/{self.victim.pid}/stat").read_text().split(") ")[1][0] == "S" else ["hurt"],
            "other marks": [new for new, old in zip(self.between(), between, strict=True) if new != old],
        }
        return {what: values for what, values in found.items() if values}

    def golden(self, entry):
        """An entry in short, without what is different each time: how many checks say what, and the first message."""
        (exercise,) = entry["exercises"]
        said, first = Counter(), ""
        for check in exercise["checks"]:
            message = check["message"].split("\nread on: ")[0]
            said[f"{check['outcome']}: {message}" if check["hidden"] and message else check["outcome"]] += 1
            first = first or ("" if check["hidden"] else message)
        short = {"points": exercise["points"], "outcome": exercise["outcome"], "checks": said, "first": first}
        text = json.dumps({**short, "problems": entry["problems"][:3]})
        for place, value in self.texts.items():
            if len(value) > 8 and "\n" not in value:
                text = text.replace(value, place)
        return json.loads(text)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    made = Zoo(tmp_path_factory.mktemp("zoo"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text("utf-8"))


def key(name, path):
    return name if name.endswith(path.name) else f"{name}/{path.name}"


@pytest.mark.parametrize("name", attacks())
def test_an_attack_gets_nothing_and_leaves_nothing(name, zoo, golden):
    for path, copy in zoo.submitted(name):
        entry = zoo.grade(copy, name.split("/")[0])
        harm = zoo.harm()
        everything = json.dumps(entry)
        hidden = json.dumps([check for check in entry["exercises"][0]["checks"] if check["hidden"]])
        assert entry["exercises"][0]["points"] <= (declared(path, "EARNS") or 0)
        assert WON not in everything
        assert SECRET not in everything
        assert LEAK not in hidden
        assert harm == {}
        assert len(everything) < 60_000
        for format in ("text", "junit", "csv", "gradescope"):
            odd = {char for char in render([entry], format) if not char.isprintable() and char not in "\r\n\t"}
            assert odd == set(), f"{format}: these steer terminals, or cannot be written"
        if not declared(path, "VARIES"):
            assert zoo.golden(entry) == golden[key(name, path)]


@pytest.mark.parametrize("name", OTHERS)
def test_an_honest_submission_gets_what_it_got_before(name, zoo, golden):
    assert zoo.golden(zoo.grade(CANDIDATES / name, name.split("/")[0])) == golden[name]


@pytest.mark.parametrize("name", BOMBS)
def test_a_source_that_cannot_be_parsed_is_a_result(name, zoo):
    """With and without the text that has the starter compared, which means parsing it."""
    for end in ("", "\n'NotImplementedError'\n"):
        path = zoo.folder / f"{name}.py"
        path.write_text(BOMBS[name] + end)
        entry = zoo.grade(path, "parse_sse_stream")
        assert entry["exercises"][0]["points"] == 0
        assert len(json.dumps(entry)) < 60_000
        assert zoo.harm() == {}


@pytest.mark.parametrize("name", [name for name in attacks() if earns_something(name)])
def test_what_earns_something_earns_the_same_again(name, zoo):
    """A second grading begins from nothing, too."""
    ((_, copy),) = zoo.submitted(name)
    once, again = (json.dumps(zoo.grade(copy, name.split("/")[0])) for _ in range(2))
    assert once == again


def test_every_golden_report_belongs_to_a_submission(golden):
    files = {path for name in attacks() for path in ([*(CANDIDATES / name).rglob("*.*")] or [CANDIDATES / name])}
    steady = {str(path.relative_to(CANDIDATES)) for path in files if not declared(path, "VARIES")}
    assert set(golden) == steady | set(OTHERS)


def write_golden(only):
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Zoo(folder)) as zoo:
        reports = json.loads(GOLDEN.read_text("utf-8")) if only else {}
        for name in only or [*attacks(), *OTHERS]:
            for path, copy in zoo.submitted(name):
                if not declared(path, "VARIES"):
                    reports[key(name, path)] = zoo.golden(zoo.grade(copy, name.split("/")[0]))
        text = json.dumps(reports, indent=1, sort_keys=True, ensure_ascii=True)
        GOLDEN.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write_golden(sys.argv[1:])

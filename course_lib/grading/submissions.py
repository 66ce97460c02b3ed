"""From the PATHs of `course grade` to submissions: notebooks, modules, folders and archives made by strangers.

Rule: what a stranger hands in becomes a Submission, if need be one with `error`; a MisuseError is for the one who
grades. A lesson's notebook holds all exercises of that lesson: a deleted cell is "not attempted", not gone.
Left out: running the cells (host), marks (judge).
"""

import hashlib
import io
import json
import os
import posixpath
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.errors import MisuseError
from course_lib.grading.exercises import Course, Exercise

MAX_FILE = 20_000_000  # bytes of a notebook or module
MAX_CODE = 5_000_000  # bytes of its code, and of the modules beside it: as JSON, both fit in one message of the pipe
MAX_NODES = 1_000_000  # lists and objects in a notebook: each takes many times the memory of its two brackets
MAX_ARCHIVE = 200_000_000  # bytes of an archive, packed and unpacked
MAX_ENTRIES = 10_000
MAX_DEPTH, MAX_NAME = 30, 500  # of an entry: parts and characters of its name
MAX_RATIO = 100  # of unpacked to packed, when more than MAX_FILE comes out

_KINDS = {".ipynb": "notebook", ".py": "python", ".mjs": "javascript", ".js": "javascript", ".zip": "archive"}
MODULES = {"python": re.compile(r"[^\W\d]\w*\.py"), "javascript": re.compile(r"[\w-][\w.-]*\.m?js")}  # importable
_OTHER = re.compile(r"\.(tar|tgz|gz|bz2|xz|rar|7z)$|\.ipynb\.\w+$", re.IGNORECASE)  # work, in a form that is not read
_SKIPPED = ("checks", "__pycache__", "__MACOSX", "node_modules", "site-packages")

LINK = "it is a symbolic link, which could point anywhere and is not followed: hand in the file itself"
_SAVE = "save it again with JupyterLab 4 and hand that file in"
_PACK = "pack the files again as an ordinary .zip"

Read = Callable[[], bytes]
Tree = dict[str, Read]  # by posix name; a name that ends with / is a folder, or a link that may have been to one
Sources = tuple[tuple[str, str], ...]  # (name, source)


class Unusable(Exception):
    """Words for Submission.error; caught in submissions."""


def kind_of(name: str) -> str:
    """notebook, python, javascript, archive, other (work in a form that is not read), or "" for all else."""
    return _KINDS.get(posixpath.splitext(name)[1].lower()) or ("other" if _OTHER.search(name) else "")


def shown(name: str) -> str:
    """A stranger's file name, safe to print and to encode. Different names stay different."""
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name)


def walk(top: Path) -> Tree:
    """All files below a folder, unread."""
    tree: Tree = {}
    folders = [(top, "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            for entry in os.scandir(folder):
                name, path = prefix + entry.name, folder / entry.name
                if _skipped([entry.name]):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    tree[name + "/"] = bytes
                    folders.append((path, name + "/"))
                else:
                    tree[name + "/" * (entry.is_symlink() and not kind_of(name))] = partial(read_file, path)
        except OSError as error:
            tree[prefix] = partial(_fail, _words(error))
    return tree


def read_file(path: Path) -> bytes:
    """The bytes of a regular file. Never waits, whatever stands at `path`."""

    def size_of(status: os.stat_result) -> int:
        if stat.S_ISLNK(status.st_mode):
            raise Unusable(LINK)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("it is not a regular file but a pipe, socket or device: hand in the file itself")
        if status.st_size > _limit(path.name):
            raise _too_large(path.name)
        return status.st_size

    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        size_of(os.lstat(path))  # first: a device may act on being opened
        with open(os.open(path, flags), "rb") as file:
            return file.read(size_of(os.fstat(file.fileno())))
    except OSError as error:
        raise Unusable(_words(error)) from error


def unpack(read: Read, stem: str) -> Tree:
    """The entries of an archive, unread, without a folder `stem` around all. A bad entry is found when it is read."""
    data = read()
    if data.count(b"PK\1\2") > 10 * MAX_ENTRIES:  # the mark of an entry; zipfile would make an object of each
        raise Unusable(f"it has far more than {MAX_ENTRIES:,} entries: {_PACK}")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # zipfile has a dozen kinds for bytes made to break it
        raise Unusable(f"it is damaged, or no .zip archive: {_PACK}") from error
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Unusable(f"it has more than {MAX_ENTRIES:,} entries: leave out what is not needed")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_ARCHIVE:
        raise Unusable(f"it unpacks to more than {MAX_ARCHIVE // 1_000_000} MB: leave out what is not needed")
    if total > max(MAX_FILE, MAX_RATIO * len(data)):
        raise Unusable(f"it unpacks to over {MAX_RATIO} times its size, like archives made to do harm: {_PACK}")
    tree: Tree = {}
    files: list[str] = []
    folders: set[str] = set()
    for entry in entries:
        raw = entry.filename.replace("\\", "/")
        parts = [part for part in raw.split("/") if part not in ("", ".")]
        if raw.startswith("/") or ".." in parts or re.match("[A-Za-z]:", raw):
            raise Unusable(f"its entry {shown(entry.filename)} would lie outside of it: {_PACK}")
        if len(parts) > MAX_DEPTH or len(raw) > MAX_NAME:
            raise Unusable(f"its entry {shown(entry.filename[:60])}... lies too deep or has too long a name: {_PACK}")
        name, folder = "/".join(parts), raw.endswith("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + folder))
        files += [name] * (not folder)
        if parts and not _skipped(parts):
            link = stat.S_ISLNK(entry.external_attr >> 16) and not kind_of(name)
            tree[name + "/" * (folder or link)] = bytes if folder else partial(_read_entry, archive, entry)
    if len(set(files) - folders) < len(files):
        raise Unusable(f"two of its entries have the same name: {_PACK}")
    if all(name.startswith(stem + "/") for name in tree):
        tree = {name.removeprefix(stem + "/"): read for name, read in tree.items() if name != stem + "/"}
    return tree


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Unusable(LINK)
    if entry.flag_bits & 1:
        raise Unusable("it is encrypted: pack it without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile unpacks others all at once
        raise Unusable(f"its way of compression is not read: {_PACK}")
    if entry.file_size > _limit(entry.filename):
        raise _too_large(entry.filename)
    try:
        with archive.open(entry) as file:
            return file.read(entry.file_size + 1)  # without a number all is unpacked first, and then cut
    except Exception as error:
        raise Unusable(f"it is damaged inside the archive: {_PACK}") from error


def text_of(data: bytes) -> str:
    """UTF-8 with or without a byte order mark, line ends as \\n."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable("it is not UTF-8 text: save it as UTF-8 and hand that file in") from error
    if not text.strip():
        raise Unusable("it is empty: save your work and hand that file in")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code_cells(data: bytes) -> Sources:
    """(exercise id in the cell's metadata or "", source) of each code cell of a notebook."""
    text = text_of(data)
    if text.count("[") + text.count("{") > MAX_NODES:
        raise Unusable(
            f"not a notebook: more than {MAX_NODES:,} lists and objects; clear its outputs and save it again"
        )
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise Unusable(f"not a notebook: it breaks off after {len(text):,} characters; hand it in again") from error
        raise Unusable(f"not a notebook: no JSON ({error.msg}, line {error.lineno}); {_SAVE}") from error
    except (RecursionError, ValueError) as error:
        raise Unusable(f"not a notebook: its JSON is nested too deeply, or a number in it too long; {_SAVE}") from error
    notebook = notebook if isinstance(notebook, dict) else {}
    if "cells" not in notebook and "worksheets" in notebook:
        raise Unusable(f"a notebook of the old format 3, and not 4: {_SAVE}")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Unusable(f"not a notebook: it is JSON, but not with a list of cells; {_SAVE}")
    found = tuple(_code_cell(cell, number) for number, cell in enumerate(cells, 1) if cell.get("cell_type") == "code")
    require_small(sum(len(source.encode()) for _, source in found))
    return found


def _code_cell(cell: dict[str, Any], number: int) -> tuple[str, str]:
    lines = cell.get("source")
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Unusable(f"not a notebook: the source of its cell {number} is not text; {_SAVE}")
    id: Any = cell
    for key in ("metadata", "course", "exercise"):
        id = id.get(key) if isinstance(id, dict) else None
    # Half a character cannot be encoded; as an escape it means the same in a string
    return id if isinstance(id, str) else "", "".join(lines).encode("utf-8", "backslashreplace").decode()


def modules_in(tree: Tree, language: str) -> Sources:
    """The modules at the top of `tree`. One that cannot be read says so when it is imported."""
    found, size = [], 0
    for name in sorted(filter(MODULES[language].fullmatch, tree)):
        try:
            data = tree[name]()
            source = text_of(data) if data.strip() else ""  # an empty module does no harm
        except Unusable as error:
            words = json.dumps(f"{name} was not taken: {error}")
            source = f"raise ImportError({words})" if language == "python" else f"throw new Error({words})"
        size += len(source.encode())
        require_small(size, "the code beside it")
        found.append((name, source))
    return tuple(found)


def require_small(size: int, what: str = "its code") -> None:
    """Unusable when the code is too large for the pipe."""
    if size > MAX_CODE:
        raise Unusable(f"{what} is larger than {MAX_CODE // 1_000_000} MB: leave data out of it")


def _skipped(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part in _SKIPPED for part in parts)


def _limit(name: str) -> int:
    return MAX_ARCHIVE if kind_of(name) == "archive" else MAX_FILE


def _too_large(name: str) -> Unusable:
    return Unusable(
        f"it is larger than {_limit(name) // 1_000_000} MB: clear the outputs, leave out data, hand it in again"
    )


def _fail(why: str) -> bytes:
    raise Unusable(why)


def _words(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied: let the one who grades read it, and grade again"
    return f"it cannot be read ({error.strerror or type(error).__name__}): hand it in again"


_EXPORT = r"^(?:export[ \t]+)?(?:default[ \t]+)?(?:async[ \t]+)?"  # the words before are JavaScript's
_DEFINES = re.compile(_EXPORT + r"(?:def|class|function|const|let|var)\b[ \t*]*(\w+)", re.MULTILINE)
_EXPECTED = "a notebook (.ipynb), a module (.py, .mjs, .js) or a .zip of them"


@dataclass(frozen=True)
class Submission:
    """One file that somebody handed in, as plain data that travels to workers."""

    name: str  # posix, relative to the PATH given; unprintable characters escaped
    student: str  # first folder below PATH, or the stem of a file that stands alone
    language: str  # python | javascript
    cells: Sources = ()  # (label, source) of the code cells, or of a module as its only cell
    exercises: tuple[str, ...] = ()  # ids, in course order
    files: Sources = ()  # the modules that stand beside it in the student's own folder
    error: str = ""  # why it cannot be graded; then there are no cells
    cell_ids: dict[str, str] = field(default_factory=dict)  # exercise id -> source of the cell that answers it

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all that decides the grade: not of whose it is and where it lay."""
        grade = {**asdict(self), "name": "", "student": ""}
        return hashlib.sha256(json.dumps(grade, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Submission":
        pairs = {key: tuple((name, source) for name, source in data[key]) for key in ("cells", "files")}
        return cls(**{**data, **pairs, "exercises": tuple(data["exercises"])})


def read_submissions(paths: Iterable[Path], course: Course, exercise: Exercise | None = None) -> list[Submission]:
    """The submissions that the PATHs hold, sorted by name. With `exercise`, only that one is looked for.

    MisuseError: a PATH that does not exist or holds nothing to grade, a module by itself without `exercise`, and
    two submissions that would have the same name.
    """
    reader = _Reader(course, exercise)
    found: dict[str, Submission] = {}
    for path in {os.path.abspath(path): path for path in paths}.values():
        for submission in reader.path(path):
            if found.setdefault(submission.name, submission) is not submission:
                raise MisuseError(f"two submissions are called {submission.name}: give the folder that holds them all")
    return [found[name] for name in sorted(found)]


class _Reader:
    """The layouts: what is whose, which file is a submission, and which exercises it holds."""

    def __init__(self, course: Course, exercise: Exercise | None) -> None:
        self.exercise = exercise
        self.lesson_of = {known.id: known.lesson for known in course.exercises()}  # in course order
        self.lessons = tuple(sorted(set(self.lesson_of.values())))

    def path(self, path: Path) -> list[Submission]:
        name, kind, read = path.name, kind_of(path.name), partial(read_file, path)
        link = os.path.islink(path)
        if not os.path.lexists(path):
            raise MisuseError(f"{path} does not exist: give a folder, {_EXPECTED}")
        if os.path.isdir(path) and not link:
            return self.collection(str(path), walk(path))
        if not kind and not link:
            raise MisuseError(f"{path} cannot be graded: give a folder, {_EXPECTED}")
        try:
            if kind == "archive":
                tree = unpack(read, path.stem)
                one = self.is_ones(tree)
                return self.student(name, path.stem, tree, True) if one else self.collection(str(path), tree)
            if kind in MODULES and not self.exercise:
                raise MisuseError(self.which(name, read))
            why = LINK if link else self.nothing({name: read})
            return self.alone(name, read) or [self.broken(name, path.stem, why)]
        except Unusable as error:
            return [self.broken(name, path.stem, str(error))]

    def is_ones(self, tree: Tree) -> bool:
        """True for an archive that is one student's: at its top stand files named as the course names them."""
        top = [PurePosixPath(name) for name in tree if "/" not in name and kind_of(name)]
        notebooks = [file.stem for file in top if kind_of(file.name) == "notebook"]
        named = all(stem.startswith(self.lessons) for stem in notebooks)
        named = named if notebooks else any(file.stem in self.lesson_of for file in top)
        return named or (len(tree) == len(top) == 1 and kind_of(top[0].name) != "archive")

    def collection(self, label: str, tree: Tree) -> list[Submission]:
        """A folder per student, a file per student, or both."""
        students: dict[str, Tree] = {}
        found = []
        for name in tree:
            student, slash, rest = name.partition("/")
            if slash:
                students.setdefault(student, {})[rest] = tree[name]
            else:
                found += self.alone(name, tree[name])
        for student, files in students.items():
            found += self.student(student, student, files)
        if not found:
            raise MisuseError(f"nothing to grade in {label}: {self.nothing(tree)}")
        return found

    def alone(self, name: str, read: Read) -> list[Submission]:
        """A file that is all of its student's work; [] when it is no work at all."""
        stem, kind = PurePosixPath(name).stem, kind_of(name)
        try:
            if kind == "archive":
                return self.student(name, stem, unpack(read, stem), archive=True)
            if kind == "notebook":  # the course's own exercises folder: its files are lessons, not students
                return self.notebook(name, stem, read, may_skip=stem in self.lessons)
            if kind in MODULES and (self.exercise or stem in self.lesson_of):
                return [self.module(name, stem, read)]
            wrong = f"this kind of file is not read: hand in {_EXPECTED}"
            return [self.broken(name, stem, self.which(name, read) if kind != "other" else wrong)] if kind else []
        except Unusable as error:
            return [self.broken(name, stem, str(error))]

    def student(self, name: str, student: str, tree: Tree, archive: bool = False) -> list[Submission]:
        """A student's own folder or archive: the submissions in it, or one that says why there are none."""
        return self.contents(name, student, tree, archive) or [self.broken(name, student, self.nothing(tree))]

    def contents(self, place: str, student: str, tree: Tree, archive: bool) -> list[Submission]:
        lessons = tuple(f"/exercises/{lesson}.ipynb" for lesson in self.lessons)
        copies = sorted(name.rpartition("/")[0] + "/" for name in tree if f"/{name}".endswith(lessons))
        if copies:  # a copy of the whole course: its library and its other notebooks are not the student's work
            tree = {name: read for name, read in tree.items() if name.startswith(copies[0])}
        folders: dict[str, Tree] = {}
        for name in tree:
            folders.setdefault(name.rpartition("/")[0], {})[name.rpartition("/")[2]] = tree[name]

        @cache  # once for all the submissions of a folder
        def beside(folder: str, language: str) -> Sources:
            return modules_in(folders[folder], language)

        found = []
        for name in tree:
            full, kind = f"{place}/{name}", kind_of(name)
            if kind == "notebook":
                helpers = partial(beside, name.rpartition("/")[0], "python")
                found += self.notebook(full, student, tree[name], helpers, may_skip=True)
            elif kind == "archive":
                try:
                    if archive:
                        raise Unusable("it is an archive inside an archive: pack its files directly")
                    inner = unpack(tree[name], PurePosixPath(name).stem)
                    found += self.contents(full, student, inner, archive=True)
                except Unusable as error:
                    found.append(self.broken(full, student, str(error)))
        modules = {name: PurePosixPath(name).stem for name in tree if kind_of(name) in MODULES}
        wanted = {self.exercise.id} if self.exercise else self.lesson_of.keys()
        named = [name for name, stem in modules.items() if stem in wanted]
        if self.exercise and not named and not found and len(modules) == 1:  # any name but another exercise's
            named = [name for name, stem in modules.items() if stem not in self.lesson_of]
        for name in named:
            helpers = partial(beside, name.rpartition("/")[0], kind_of(name))
            found.append(self.module(f"{place}/{name}", student, tree[name], helpers))
        if self.exercise:  # what cannot be read and may have been anything counts only where nothing else is
            names = (self.exercise.lesson, self.exercise.id)
            found = [one for one in found if not one.error or PurePosixPath(one.name).stem.startswith(names)] or found
        return found

    def notebook(
        self, name: str, student: str, read: Read, beside: Callable[[], Sources] = tuple, may_skip: bool = False
    ) -> list[Submission]:
        """[] for a notebook of other lessons than that of the exercise asked for, when it may be skipped."""
        stem, error = PurePosixPath(name).stem, ""
        cells, files = Sources(), Sources()
        try:
            cells = code_cells(read())
            files = beside()
        except Unusable as unusable:
            error = str(unusable)
        marked = {id for id, _ in cells if id in self.lesson_of}
        defined = {id: source for _, source in cells for id in _DEFINES.findall(source) if id in self.lesson_of}
        lessons = {lesson for lesson in self.lessons if lesson in stem} | {self.lesson_of[id] for id in marked}
        held = [id for id, lesson in self.lesson_of.items() if (lesson in lessons if lessons else id in defined)]
        if self.exercise:
            if may_skip and self.exercise.id not in held and (held or not error):
                return []
            held = [self.exercise.id]
        elif not held and not error:
            error = f"no exercise of this course is in it: expected a lesson's notebook, like {self.lessons[0]}.ipynb"
        if error:
            return [self.broken(name, student, error, held)]
        labelled = tuple((f"cell {number}", source) for number, (_, source) in enumerate(cells, 1))
        answers = {**dict(reversed(cells)), **defined}  # the last definition is the one in force
        cell_ids = {id: answers[id] for id in held if id in answers}
        return [Submission(shown(name), shown(student), "python", labelled, tuple(held), files, "", cell_ids)]

    def module(self, name: str, student: str, read: Read, beside: Callable[[], Sources] = tuple) -> Submission:
        file = PurePosixPath(name)
        id = self.exercise.id if self.exercise else file.stem
        try:
            source = text_of(read())
            require_small(len(source.encode()))
            files = tuple(helper for helper in beside() if helper[0] != file.name)
        except Unusable as error:
            return self.broken(name, student, str(error), [id])
        cells = ((shown(file.name), source),)
        return Submission(shown(name), shown(student), kind_of(name), cells, (id,), files, "", {id: source})

    def broken(self, name: str, student: str, why: str, ids: Iterable[str] = ()) -> Submission:
        """It earns 0 of the points of what should have been in it, as far as anything tells what that was."""
        held = [self.exercise.id] if self.exercise else list(ids)
        held = held or [id for id, lesson in self.lesson_of.items() if lesson in PurePosixPath(name).stem]
        language = "javascript" if kind_of(name) == "javascript" else "python"
        return Submission(shown(name), shown(student), language, exercises=tuple(held), error=why)

    def which(self, name: str, read: Read) -> str:
        """What to say about a module when no exercise was given."""
        defined = set(_DEFINES.findall(text_of(read())))
        if ids := [id for id in self.lesson_of if id in defined]:
            return f"{shown(name)} defines {', '.join(ids)}: add --exercise {ids[0]}"
        return f"{shown(name)} does not say which exercise it answers: add --exercise ID"

    def nothing(self, tree: Tree) -> str:
        """Why there is nothing to grade in a folder or archive, and what was expected."""
        files = sorted(name for name in tree if name and not name.endswith("/"))
        try:
            for name in sorted(tree.keys() - set(files)):
                tree[name]()
            for name in files:
                if kind_of(name) in MODULES and not self.exercise:
                    return self.which(name, tree[name])
        except Unusable as error:
            return str(error)
        wanted = f"{self.exercise.lesson}.ipynb or {self.exercise.id}.py" if self.exercise else _EXPECTED
        seen = ", ".join(map(shown, files[:3])) + ", ..." * (len(files) > 3)
        return f"expected {wanted}; found {seen or 'no file'}"

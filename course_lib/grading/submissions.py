"""From the PATHs of `course grade` to submissions: notebooks, modules, folders and archives made by strangers.

Rule: what a stranger hands in becomes a Submission, if need be one with `error`; a MisuseError is for the one who
grades. A lesson's notebook holds all exercises of that lesson: a deleted cell is "not attempted", not gone.
Left out: reading files and archives (uploads), running the cells (host), marks (judge).
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path, PurePosixPath

from course_lib.errors import MisuseError
from course_lib.grading import uploads
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.uploads import Read, Sources, Tree, Unusable, kind_of, shown

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
        name, kind, read = path.name, kind_of(path.name), partial(uploads.read_file, path)
        link = os.path.islink(path)
        if not os.path.lexists(path):
            raise MisuseError(f"{path} does not exist: give a folder, {_EXPECTED}")
        if os.path.isdir(path) and not link:
            return self.collection(str(path), uploads.walk(path))
        if not kind and not link:
            raise MisuseError(f"{path} cannot be graded: give a folder, {_EXPECTED}")
        try:
            if kind == "archive":
                tree = uploads.unpack(read, path.stem)
                one = self.is_ones(tree)
                return self.student(name, path.stem, tree, True) if one else self.collection(str(path), tree)
            if kind in uploads.MODULES and not self.exercise:
                raise MisuseError(self.which(name, read))
            why = uploads.LINK if link else self.nothing({name: read})
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
                return self.student(name, stem, uploads.unpack(read, stem), archive=True)
            if kind == "notebook":  # the course's own exercises folder: its files are lessons, not students
                return self.notebook(name, stem, read, may_skip=stem in self.lessons)
            if kind in uploads.MODULES and (self.exercise or stem in self.lesson_of):
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
            return uploads.modules_in(folders[folder], language)

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
                    inner = uploads.unpack(tree[name], PurePosixPath(name).stem)
                    found += self.contents(full, student, inner, archive=True)
                except Unusable as error:
                    found.append(self.broken(full, student, str(error)))
        modules = {name: PurePosixPath(name).stem for name in tree if kind_of(name) in uploads.MODULES}
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
            cells = uploads.code_cells(read())
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
            source = uploads.text_of(read())
            uploads.require_small(len(source.encode()))
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
        defined = set(_DEFINES.findall(uploads.text_of(read())))
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
                if kind_of(name) in uploads.MODULES and not self.exercise:
                    return self.which(name, tree[name])
        except Unusable as error:
            return str(error)
        wanted = f"{self.exercise.lesson}.ipynb or {self.exercise.id}.py" if self.exercise else _EXPECTED
        seen = ", ".join(map(shown, files[:3])) + ", ..." * (len(files) > 3)
        return f"expected {wanted}; found {seen or 'no file'}"

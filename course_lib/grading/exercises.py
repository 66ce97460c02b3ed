"""The exercises of a course, read from the files that declare them.

Rule: an exercise is declared in one place, its visible check file: a literal `EXERCISE` and the
check functions with their points. The files are parsed, not run, so that the number of points is
known even when nothing runs. Left out: the lessons' texts and the starters (authoring).
"""

import ast
import difflib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from course_lib.errors import ExerciseError
from course_lib.grading.starter import cells_of, exercise_of

KINDS = ("value", "object", "client", "server", "break", "review")
_FIELDS = {
    "lesson": str, "title": str, "kind": str, "difficulty": int, "easy": bool, "stretch": bool,
    "uses": list, "read": str, "hints": list, "after": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One check function as it is declared: nothing of it has run."""

    name: str
    behaviour: str  # first line of the docstring, one sentence
    notes: str  # the rest of the docstring
    points: int
    deadline: float | None  # seconds for each call, None for the default
    hidden: bool


@dataclass(frozen=True)
class Exercise:
    """One exercise: its declaration and its declared checks, visible ones first."""

    id: str
    root: Path
    lesson: str
    title: str
    kind: str
    difficulty: int
    easy: bool
    stretch: bool
    uses: tuple[str, ...]
    read: str
    hints: tuple[str, str, str]
    after: str
    checks: tuple[Check, ...] = field(repr=False)

    @property
    def notebook(self) -> Path:
        return self.root / "exercises" / f"{self.lesson}.ipynb"

    @property
    def solution_notebook(self) -> Path:
        return self.root / "solutions" / f"{self.lesson}.ipynb"

    def check_file(self, hidden: bool = False) -> Path:
        return self.root / ("solutions" if hidden else "exercises") / "checks" / f"test_{self.id}.py"

    def points(self, hidden: bool | None = None) -> int:
        """Declared points: visible, hidden, or (None) both."""
        return sum(check.points for check in self.checks if hidden is None or check.hidden is hidden)


@dataclass(frozen=True)
class Course:
    """A course folder: `exercises/checks` tells what exists; `solutions` may be missing."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Course":
        """The course around `start` (default: COURSE_ROOT, else the working folder, else beside the library)."""
        if start is None and (root := os.environ.get("COURSE_ROOT")):
            return cls(Path(root).resolve())
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
            if (folder / "exercises" / "checks").is_dir():
                return cls(folder)
        raise ExerciseError(f"no course here: no folder exercises/checks in {here} or above; start Jupyter inside it")

    @cached_property
    def _by_id(self) -> dict[str, Exercise]:
        files = sorted((self.root / "exercises" / "checks").glob("test_*.py"))
        found = [_read_exercise(path, self.root) for path in files]
        order = {lesson: _cell_order(self.root, lesson) for lesson in {e.lesson for e in found}}
        found.sort(key=lambda e: (e.lesson, order[e.lesson].get(e.id, 999), e.id))
        return {exercise.id: exercise for exercise in found}

    def exercises(self, lesson: str | None = None) -> list[Exercise]:
        """All exercises in the order in which they are taken, or those of one lesson (`03` or its whole name)."""
        return [e for e in self._by_id.values() if lesson is None or e.lesson.split("_")[0] == lesson.split("_")[0]]

    def exercise(self, id: str) -> Exercise:
        if id in self._by_id:
            return self._by_id[id]
        near = difflib.get_close_matches(str(id), self._by_id, 3, 0.5) or sorted(self._by_id)
        hint = f"did you mean {', '.join(near)}?" if near else "the course has none yet"
        raise ExerciseError(f"no exercise is called {id!r}; {hint}")


def _read_exercise(path: Path, root: Path) -> Exercise:
    id = path.stem.removeprefix("test_")
    tree = _parse(path)
    declared = None
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "EXERCISE" for t in node.targets):
            try:
                declared = ast.literal_eval(node.value)
            except ValueError as error:
                raise ExerciseError(f"{path.name}: EXERCISE is not a literal ({error})") from error
    if not isinstance(declared, dict):
        raise ExerciseError(f"{path.name}: EXERCISE = {{...}} is missing")
    _validate(declared, path)
    checks = _read_checks(tree, path, hidden=False)
    hidden_file = root / "solutions" / "checks" / path.name
    if hidden_file.exists():
        checks += _read_checks(_parse(hidden_file), hidden_file, hidden=True)
    values: dict[str, Any] = {**declared, "uses": tuple(declared["uses"]), "hints": tuple(declared["hints"])}
    return Exercise(id=id, root=root, checks=tuple(checks), **values)


def _validate(declared: dict[str, Any], path: Path) -> None:
    if wrong := set(declared) ^ set(_FIELDS):
        raise ExerciseError(f"{path.name}: EXERCISE has wrong or missing fields: {', '.join(sorted(wrong))}")
    for name, kind in _FIELDS.items():
        if type(declared[name]) is not kind:
            raise ExerciseError(f"{path.name}: EXERCISE[{name!r}] should be {kind.__name__}")
    if declared["kind"] not in KINDS:
        raise ExerciseError(f"{path.name}: kind {declared['kind']!r} is none of {', '.join(KINDS)}")
    if len(declared["hints"]) != 3 or not all(isinstance(h, str) and h.strip() for h in declared["hints"]):
        raise ExerciseError(f"{path.name}: an exercise has exactly three hints, none empty")


def _read_checks(tree: ast.Module, path: Path, hidden: bool) -> list[Check]:
    checks = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        numbers: dict[str, Any] = {}
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and len(mark.args) == 1:
                numbers[mark.func.id] = ast.literal_eval(mark.args[0])
        doc = (ast.get_docstring(node) or "").strip()
        if not doc or type(numbers.get("points")) is not int:
            raise ExerciseError(f"{path.name}: {node.name} needs @points(n) and a docstring that states the behaviour")
        behaviour, _, notes = doc.partition("\n")
        checks.append(
            Check(node.name, behaviour, " ".join(notes.split()), numbers["points"], numbers.get("deadline"), hidden)
        )
    if len({check.name for check in checks}) < len(checks):
        raise ExerciseError(f"{path.name}: two checks have the same name")
    return checks


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ExerciseError(f"{path.name}: {error}") from error


def _cell_order(root: Path, lesson: str) -> dict[str, int]:
    """Where each exercise stands in its notebook: the order in which a learner meets them."""
    for folder in ("solutions", "exercises"):
        ids = [exercise_of(cell) for cell in cells_of(root / folder / f"{lesson}.ipynb")]
        if any(ids):
            return {id: place for place, id in enumerate(ids) if id}
    return {}

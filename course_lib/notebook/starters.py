"""One exercise inside its notebook file: put the starter back, find the answer.

Rule: only the cell of that exercise changes, the learner's code is saved first, and the file is replaced in one step.
The pristine starter travels in the cell's metadata (`course.starter`), so nothing needs `solutions/`.
"""

import ast
import json
import os
import re
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from course_lib.errors import ExerciseError
from course_lib.grading.exercises import Course, Exercise
from course_lib.notebook.paths import backup_folder

_MARKER = re.compile(r"^[ \t]*(###|///) (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


def defines(source: str, name: str) -> bool:
    """True when Python source defines function or class `name` at its top level."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and node.name == name for node in body)


def answer_source(exercise: Exercise) -> str | None:
    """The answer as source without markers; None when this copy has no solutions."""
    if not exercise.solution_notebook.exists():
        return None
    for cell in _read(exercise.solution_notebook)["cells"]:
        source = _source(cell)
        if cell["cell_type"] == "code" and "BEGIN SOLUTION" in source and defines(source, exercise.id):
            return _MARKER.sub("", source)
    raise ExerciseError(f"{exercise.solution_notebook.name} has no cell that answers {exercise.id}")


def reset_exercise(course: Course, exercise: Exercise) -> str | None:
    """Put the starter back. Returns the backup's path relative to the state folder's parent; None if nothing changed.

    Raises ExerciseError when the notebook or its cell is missing.
    """
    path = exercise.notebook
    if not path.exists():
        raise ExerciseError(f"exercises/{path.name} is missing; get it again from the course")
    notebook = _read(path)
    for cell in notebook["cells"]:
        note = cell.get("metadata", {}).get("course", {})
        if isinstance(note, dict) and note.get("exercise") == exercise.id and isinstance(note.get("starter"), str):
            break
    else:
        raise ExerciseError(
            f"exercises/{path.name} has no cell with the starter of {exercise.id}; get the notebook again"
        )
    code = _source(cell)
    if code == note["starter"] and not cell.get("outputs"):
        return None
    kept = _keep(backup_folder(course), exercise.id, code)
    cell.update(source=note["starter"].splitlines(keepends=True), outputs=[], execution_count=None)
    _replace(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return f"{kept.parent.parent.name}/{kept.parent.name}/{kept.name}"


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text("utf-8"))
        if not all(isinstance(cell["metadata"], dict) and "cell_type" in cell for cell in notebook["cells"]):
            raise KeyError("metadata")
    except (ValueError, KeyError, TypeError) as error:
        raise ExerciseError(
            f"{path.parent.name}/{path.name} is no notebook any more ({error}); get it again"
        ) from error
    return dict(notebook)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _keep(folder: Path, id: str, code: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = next(name for n in count(1) if not (name := folder / f"{id}-{n}.py").exists())
    path.write_text(code, "utf-8")
    return path


def _replace(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".ipynb")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, path.stat().st_mode & 0o777)  # mkstemp's files are private, a notebook keeps its mode
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)

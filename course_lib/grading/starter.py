"""Telling an untouched starter from an attempt.

Rule: a starter that is still as it was given is "not attempted", whatever it returns. It is compared
as syntax, so that a comment or a blank line makes no difference. The pristine starter stands in the
metadata of its cell in the exercise notebook. Left out: putting it back (notebook), deriving it (authoring).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from course_lib.grading.exercises import Exercise


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, [] when it is not there or broken: that is reported where it is needed."""
    import json

    try:
        return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if isinstance(cell, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def exercise_of(cell: dict[str, Any]) -> str:
    """The exercise that the metadata of a cell names, or ""."""
    found: Any = cell
    for key in ("metadata", "course", "exercise"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def exercise_cell(path: Path, id: str) -> dict[str, Any] | None:
    """The cell of a notebook whose metadata names the exercise, or None (also when the file is unreadable)."""
    return next((cell for cell in cells_of(path) if exercise_of(cell) == id), None)


def starter_of(exercise: Exercise) -> str | None:
    """The source of the pristine starter, or None when this copy of the course does not tell."""
    cell = exercise_cell(exercise.notebook, exercise.id)
    starter = cell["metadata"]["course"].get("starter") if cell else None
    return starter if isinstance(starter, str) else None


def _definition(source: str, id: str) -> str | None:
    import ast

    try:
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == id:
                return ast.dump(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None


def same_definition(source: str | None, starter: str | None, id: str) -> bool:
    """True when `source` defines `id` exactly as `starter` does.

    Parsing can be made to crash Python, so code of strangers is compared where it runs (host).
    """
    if starter is None or source is None:
        return False
    if "NotImplementedError" in starter and "NotImplementedError" not in source:
        return False  # saves nearly every submission the import of ast
    mine = _definition(source, id)
    return mine is not None and mine == _definition(starter, id)


def unchanged(exercise: Exercise, source: str | None) -> bool:
    """True when `source` defines the exercise exactly as its starter does."""
    return same_definition(source, starter_of(exercise), exercise.id)

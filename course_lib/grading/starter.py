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


def exercise_cell(path: Path, id: str) -> dict[str, Any] | None:
    """The cell of a notebook whose metadata names the exercise, or None (also when the file is unreadable)."""
    import json

    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        for cell in cells:
            if cell.get("metadata", {}).get("course", {}).get("exercise") == id:
                return dict(cell)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


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

"""Telling an untouched starter from an attempt.

Rule: a starter that is still as it was given is "not attempted", whatever it returns. It is compared
as syntax, so that a comment or a blank line makes no difference. The pristine starter stands in the
metadata of its cell in the exercise notebook. Left out: putting it back (notebook), deriving it (authoring).
"""

import ast
import json
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise


def exercise_cell(path: Path, id: str) -> dict[str, Any] | None:
    """The cell of a notebook whose metadata names the exercise, or None (also when the file is unreadable)."""
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
    try:
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == id:
                return ast.dump(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None


def unchanged(exercise: Exercise, source: str | None) -> bool:
    """True when `source` defines the exercise exactly as its starter does."""
    starter = starter_of(exercise)
    if starter is None or source is None:
        return False
    mine = _definition(source, exercise.id)
    return mine is not None and mine == _definition(starter, exercise.id)


def source_in(path: Path, exercise: Exercise) -> str | None:
    """The source that defines the exercise in a submitted file: its cell, or the whole module."""
    if path.suffix != ".ipynb":
        try:
            return path.read_text("utf-8")
        except (OSError, ValueError):
            return None
    cell = exercise_cell(path, exercise.id)
    return "".join(cell["source"]) if cell else None

"""Grading: checks, the pipe to the code they judge, and verdicts. Knows nothing of streams.

What a check file imports stands here; the rest is loaded on first use.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

_HOME = {
    "each": "course_lib.grading.proxy",
    "outcomes": "course_lib.grading.proxy",
    "served": "course_lib.grading.proxy",
    "arguments_changed": "course_lib.grading.proxy",
    "shorten_httpx_timeouts": "course_lib.grading.proxy",
    "Course": "course_lib.grading.exercises",
    "Exercise": "course_lib.grading.exercises",
    "grade_file": "course_lib.grading.batch",
}

__all__ = ["deadline", "points", *_HOME]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def points(number: int) -> Callable[[_Function], _Function]:
    """What a check is worth. The number is read from the file as it is written, so it must be a literal."""

    def mark(function: _Function) -> _Function:
        function.points = number  # type: ignore[attr-defined]
        return function

    return mark


def deadline(seconds: float) -> Callable[[_Function], _Function]:
    """Seconds that each call of a check may take, instead of the default."""

    def mark(function: _Function) -> _Function:
        function.deadline_seconds = seconds  # type: ignore[attr-defined]
        return function

    return mark


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'course_lib.grading' has no attribute {name!r}")

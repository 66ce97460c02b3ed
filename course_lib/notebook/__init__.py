"""What a learner calls in a notebook: check, hint, solution, reset, predict, compare, quiz, recall, progress.

Rule: the names are loaded on first use, and nothing here starts a server or knows a transport.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "check": "verdict",
    "hint": "show",
    "solution": "show",
    "reset": "show",
    "progress": "show",
    "predict": "ask",
    "predicted": "ask",
    "compare": "ask",
    "quiz": "ask",
    "recall": "ask",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")

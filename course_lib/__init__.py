"""The course library: local streaming servers, hops that tap and break them, views, and the judge.

Rule: importing this package costs next to nothing. The public names below are loaded on first use,
so that a learner who only wants a decoder never pays for FastAPI or pytest.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "serve": "course_lib.server",
    "tap": "course_lib.hops",
    "chaos": "course_lib.hops",
    "buffering": "course_lib.hops",
    "nginx": "course_lib.hops",
    "jupyter_proxy": "course_lib.hops",
    "browser_url": "course_lib.hops",
    "ScriptedModel": "course_lib.model",
    "FaultPlan": "course_lib.faults",
    "Recording": "course_lib.recording",
    "check": "course_lib.notebook",
    "hint": "course_lib.notebook",
    "solution": "course_lib.notebook",
    "reset": "course_lib.notebook",
    "predict": "course_lib.notebook",
    "predicted": "course_lib.notebook",
    "compare": "course_lib.notebook",
    "quiz": "course_lib.notebook",
    "recall": "course_lib.notebook",
    "progress": "course_lib.notebook",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'course_lib' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

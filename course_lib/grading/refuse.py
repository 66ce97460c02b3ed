"""What the code under judgement may import: the standard library, and what its exercise allows.

Rule: refuse by name, with a sentence that says what is allowed. `course_lib` is never there (it holds
what the exercises ask for), except for `check` and its like, which do nothing here.
Left out: security. A determined submission gets around an import hook; the sandbox hides the files.
"""

from __future__ import annotations

import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_SILENT = ("check", "hint", "solution", "reset", "progress", "predict", "predicted", "compare", "quiz", "recall")


def allowed_text(uses: Iterable[str]) -> str:
    return "the standard library" + "".join(f" and {name}" for name in sorted(uses))


class _Stub(types.ModuleType):
    """`course_lib` as the code under judgement sees it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # a package, so that imports from inside it reach the finder's message

    def __getattr__(self, name: str) -> Any:
        if name in _SILENT:
            return lambda *args, **kwargs: None
        if name.startswith("__"):  # asked by the import system
            raise AttributeError(name)
        raise ImportError(f"course_lib.{name} is not available to the code of an exercise: it holds what is asked for")


class _Finder:
    def __init__(self, uses: Iterable[str], namespace: dict[str, Any], own: Iterable[str]) -> None:
        self.uses, self.own, self.namespace = frozenset(uses), frozenset(own), namespace

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        top = name.partition(".")[0]
        if top == "course_lib":
            raise ImportError(f"{name} is not available to the code of an exercise: it holds what is asked for")
        if top in sys.stdlib_module_names or top in self.uses or top in self.own or not self._asked_by_submission():
            return
        raise ImportError(f"this exercise may use {allowed_text(self.uses)}; {top} is refused")

    def _asked_by_submission(self) -> bool:
        """An allowed package may import what it needs; only the submission's own imports are refused."""
        frame = sys._getframe(2)
        while frame and ("importlib" in frame.f_code.co_filename):
            frame = frame.f_back  # type: ignore[assignment]
        return frame is not None and (frame.f_globals is self.namespace or frame.f_globals.get("__name__") in self.own)


def refuse_imports(uses: Iterable[str], namespace: dict[str, Any], own: Iterable[str] = ()) -> None:
    """From now on the code in `namespace` can import only what the exercise allows, and its `own` modules."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "course_lib"]:
        del sys.modules[name]
    sys.modules["course_lib"] = _Stub("course_lib")
    sys.meta_path.insert(0, _Finder(uses, namespace, own))


def refuse_names(uses: Iterable[str], namespace: dict[str, Any]) -> None:
    """Replaces what a notebook imported earlier and the exercise does not allow."""
    allowed = {*uses, "builtins", "__main__", "IPython", "ipykernel"}
    for name, value in list(namespace.items()):
        top = _home(value).partition(".")[0]
        if top and top not in allowed and top not in sys.stdlib_module_names:
            namespace[name] = _Refused(f"this exercise may use {allowed_text(uses)}; {top} is refused")


def _home(value: Any) -> str:
    """The module that a value is or comes from; "" for what is no module, class or function, or does not say."""
    kind = type(value)  # isinstance would ask the value itself, which may be a mock, or raise
    try:
        if issubclass(kind, types.ModuleType):
            home = value.__name__
        elif issubclass(kind, (type, types.FunctionType, types.BuiltinFunctionType)):
            home = value.__module__
        else:
            return ""
    except BaseException:
        return ""
    return home if type(home) is str else ""


class _Refused:
    def __init__(self, message: str) -> None:
        self.__dict__["message"] = message

    def __getattr__(self, name: str) -> Any:
        raise ImportError(self.message)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise ImportError(self.message)

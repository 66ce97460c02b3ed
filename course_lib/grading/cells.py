"""Running the cells of a submission in one namespace, and describing what they raise.

Rule: broken code is a result, never a crash: a cell that fails is described and the rest still runs.
Left out: reading files (submissions), questions about what was loaded (session), what may be imported (refuse).
"""

from __future__ import annotations

import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_lines: dict[str, list[str]] = {}  # of the cells that were run, by the name that tracebacks give them
_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, without the import of ast


def run_cells(cells: Iterable[Sequence[str]], namespace: dict[str, Any]) -> list[str]:
    """Runs (label, source) cells. What went wrong: a sentence for each cell that failed."""
    problems = []
    for label, source in cells:
        name = f"<{label}>"
        _lines[name] = source.split("\n")
        try:
            code = _compiled(source, name)
            result = eval(code, namespace)  # noqa: S307 - running the submission is the purpose
            if isinstance(result, types.CoroutineType):
                import asyncio

                asyncio.run(result)
        except BaseException as error:  # also SystemExit: the rest of the submission still counts
            problems.append(f"{label}: {describe(error)['type']}: {describe(error)['message']}"[:500])
    return problems


def _compiled(source: str, name: str) -> types.CodeType:
    code: types.CodeType
    try:
        code = compile(source, name, "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        # Magics and shell lines belong to the notebook, not to the program
        lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
        code = compile("\n".join(lines), name, "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its type, the names of its bases, its message, and the learner's line."""
    where = ""
    frame = error.__traceback__
    while frame is not None:
        name, number = frame.tb_frame.f_code.co_filename, frame.tb_lineno
        if name in _lines:
            where = f"line {number}: {''.join(_lines[name][number - 1 : number]).strip()}"
        elif "ipykernel_" in name:
            import linecache  # a kernel has it; elsewhere it would cost 3 ms

            where = f"line {number}: {linecache.getline(name, number).strip()}"
        frame = frame.tb_next
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be shown)"
    return {
        "type": type(error).__name__[:100],
        "bases": [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"],
        "message": message[:2000],
        "where": where[:300],
    }

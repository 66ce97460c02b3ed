"""Loading a submission: the cells of a notebook, or a module, run in one namespace.

Rule: broken code is a result, never a crash: a cell that fails is described and the rest still runs.
Left out: questions about what was loaded (host), and what may be imported (refuse).
"""

import ast
import asyncio
import inspect
import json
import linecache
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_SOURCE = 20_000_000  # bytes of a notebook


def read_cells(path: Path) -> list[tuple[str, str]]:
    """(label, source) of each code cell of a notebook, or of a module as its only cell. ValueError if unreadable."""
    if path.stat().st_size > MAX_SOURCE:
        raise ValueError(f"{path.name} is larger than {MAX_SOURCE:,} bytes")
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return [(path.name, text)]
    cells = json.loads(text)["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [(f"cell {number}", source) for number, source in enumerate(sources, 1)]


def run_cells(cells: Iterable[tuple[str, str]], namespace: dict[str, Any]) -> list[str]:
    """Runs the cells in one namespace. A cell that fails is reported and the rest still runs."""
    problems = []
    for label, source in cells:
        # Magics and shell lines belong to the notebook, not to the program
        lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
        source = "\n".join(lines)
        name = f"<{label}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            result = eval(code, namespace)  # noqa: S307 - running the submission is the purpose
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except BaseException as error:  # also SystemExit: the rest of the submission still counts
            problems.append(f"{label}: {describe(error)['type']}: {describe(error)['message']}")
    return problems


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its type, the names of its bases, its message, and the learner's line."""
    where = ""
    frame = error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if name.startswith("<cell ") or (name.startswith("<") and name.endswith(".py>")) or "ipykernel_" in name:
            where = f"line {frame.tb_lineno}: {linecache.getline(name, frame.tb_lineno).strip()}"
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

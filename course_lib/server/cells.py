"""Which notebook cell is running, and whether it is the same cell again.

Rule: a thing replaces those that an *earlier* run of the same cell has started; several things started by one
run live side by side. A cell is known by the id that JupyterLab sends along, else by its code (so an edited cell is
a new one), which outside a kernel is told by the name under which IPython compiled it. Outside IPython nothing is
replaced.
"""

import re
import sys
import sysconfig
from types import FrameType
from typing import Any, NamedTuple

_INSTALLED = ("<frozen", *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_runs = 0  # cells run so far, counted from the first serve(), for IPython without a kernel
_counting: Any = None


class Origin(NamedTuple):
    """The cell that started something, and the run of it; both empty outside IPython."""

    cell: str
    run: str


def origin() -> Origin:
    """Where we are now."""
    shell = _shell()
    if shell is None:
        return Origin("", "")
    _count_runs(shell)
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code") or _file_name(shell)
    return Origin(cell, parent.get("header", {}).get("msg_id") or str(_runs))


def replaces(new: Origin, old: Origin) -> bool:
    return bool(new.cell) and new.cell == old.cell and new.run != old.run


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame, from `frame` outwards, that is neither ours nor of an installed library."""
    while frame is not None and (_is_ours(frame) or frame.f_code.co_filename.startswith(_INSTALLED)):
        frame = frame.f_back
    return frame


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == __name__.partition(".")[0]


def _shell() -> Any:
    ipython = sys.modules.get("IPython")  # not imported: then nobody runs cells
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def _file_name(shell: Any) -> str:
    """That of the outermost code of the notebook: the cell that runs, and not one whose function it calls."""
    frame: FrameType | None = sys._getframe(1)
    name = ""
    while frame is not None:
        if frame.f_globals is shell.user_global_ns:
            name = frame.f_code.co_filename
        frame = frame.f_back
    return re.sub(r"^<ipython-input-\d+-", "<ipython-input-", name)  # the number counts runs, the rest is the code


def _count_runs(shell: Any) -> None:
    global _counting
    if _counting is not shell:
        _counting = shell
        shell.events.register("pre_run_cell", _next_run)


def _next_run(_info: Any) -> None:
    global _runs
    _runs += 1

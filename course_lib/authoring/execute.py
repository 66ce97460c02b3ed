"""Run notebooks and save what came out, in a form that is the same on every machine.

Rule: nobody is there (COURSE_UNATTENDED), the learner's records are untouched (a throw-away COURSE_STATE), and an
output that names a path, a port or an address of this machine is refused. Left out: comparing outputs (nbval does).
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.authoring.build import read_notebook, write_notebook
from course_lib.authoring.derive import METADATA, settled_metadata
from course_lib.errors import BuildError

_WIDGET = "application/vnd.jupyter.widget-view+json"
_REFUSED = {
    "a path of this machine": re.compile(
        r"(?<![\w.:/-])/(?:home|root|Users|tmp|var|private|usr|opt|mnt|srv|work|workspace)/[\w.@-]+|\b[A-Z]:\\\w+"
    ),
    "a port": re.compile(r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):\d{2,5}\b"),
    "a memory address": re.compile(r"\b0x[0-9a-f]{8,16}\b"),
}


def run_notebook(path: Path, root: Path, timeout: float = 60.0) -> float:
    """Execute a notebook of the course at `root` in place and save its outputs; returns the seconds it took.

    `timeout`: seconds for each cell. Cells tagged skip-execution are left empty.
    Raises BuildError, naming notebook and cell, when a cell fails or its output is refused; then nothing is saved.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    name = f"{path.parent.name}/{path.name}"
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    started, reached = time.monotonic(), "before its first cell"

    def note(cell: Any, cell_index: int) -> None:
        nonlocal reached
        reached = f"cell {cell_index + 1}"

    with tempfile.TemporaryDirectory() as state, kernel_by_socket() as config:
        client = NotebookClient(
            notebook,
            timeout=timeout,
            store_widget_state=False,
            record_timing=False,
            extra_arguments=["--IPKernelApp.log_level=40"],  # its warning about loopback TCP
            config=config,
            on_cell_execute=note,
            coalesce_streams=True,  # a token per line otherwise, on pages that show saved outputs
            resources={"metadata": {"path": str(path.parent)}},
        )
        places = {"COURSE_ROOT": str(root), "COURSE_STATE": state, "COURSE_UNATTENDED": "1"}
        try:
            client.execute(env={**os.environ, **places})
        except CellExecutionError as error:
            raise BuildError(f"{name}, {reached}: {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise BuildError(f"{name}, {reached}: took longer than {timeout:g} s") from error
        except DeadKernelError as error:
            raise BuildError(f"{name}, {reached}: the kernel died") from error
        except RuntimeError as error:  # of jupyter_client
            raise BuildError(f"{name}, {reached}: the kernel did not start: {error}") from error
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    for cell in notebook.cells:
        cell.metadata = type(cell.metadata)(settled_metadata(cell))
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(_WIDGET, None)  # a model that is gone when the notebook is opened again
    if faults := [f"{name}{fault}" for fault in _refused(notebook, root)]:
        raise BuildError("\n".join(faults))
    write_notebook(notebook, path)
    return time.monotonic() - started


@contextmanager
def kernel_by_socket() -> Iterator[Any]:
    """Settings for a client of a kernel, which is then reached by sockets in a folder of its own.

    Jupyter looks for free ports and hands them to a kernel, which takes them a second later: time enough for somebody
    else to take one, and the kernel dies. Windows has no such sockets: there it stays so.
    """
    from traitlets.config import Config

    with tempfile.TemporaryDirectory() as folder:
        settings = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        yield Config({"KernelManager": settings} if os.name == "posix" else {})


def output_faults(path: Path, root: Path) -> list[str]:
    """What is wrong with the saved outputs of a notebook: cells that were not run, outputs that would be refused."""
    notebook, name = read_notebook(path), f"{path.parent.name}/{path.name}"
    faults = []
    for number, cell in enumerate(notebook.cells, 1):
        skipped = "skip-execution" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and cell.source.strip() and not skipped and cell.execution_count is None:
            faults.append(f"{name}, cell {number}: was not executed")
    return faults + [f"{name}{fault}" for fault in _refused(notebook, root)]


def _refused(notebook: Any, root: Path) -> Iterator[str]:
    own = {str(place) for place in (root, Path.home(), Path(sys.prefix))} - {"/"}
    for number, cell in enumerate(notebook.cells, 1):
        for text in _texts(cell):
            for what, pattern in _REFUSED.items():
                if found := pattern.search(text):
                    yield f", cell {number}: the output holds {what}: {found[0]!r}"
            for place in sorted(own):
                if place in text and not _REFUSED["a path of this machine"].search(text):
                    yield f", cell {number}: the output holds a path of this machine: {place!r}"


def _texts(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", []):
        yield from (str(output[part]) for part in ("text", "ename", "evalue") if part in output)
        yield from output.get("traceback", [])
        for kind, value in output.get("data", {}).items():
            if kind != _WIDGET and not kind.startswith("image/p"):  # PNG is base64, where chance writes anything
                yield value if isinstance(value, str) else str(value)

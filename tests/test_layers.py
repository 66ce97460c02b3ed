"""The library's layers: imports point one way, the core does no I/O, and heavy packages have one home."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[1] / "course_lib"
FILES = sorted(LIBRARY.rglob("*.py"))

# From low to high. A module may import its own layer and those below it, inside its wing.
STREAMS = [
    {"errors"},
    {"recording", "metrics", "endings"},
    {"wire", "model", "faults"},
    {"apps", "server", "hops"},
    {"conformance", "views"},
]
GRADING = [{"errors"}, {"grading"}]
ROOF = {"notebook", "authoring", "cli", "cli_grade", "cli_progress", "cli_serve"}
NO_IO = ("wire", "model", "faults", "recording", "metrics", "endings")
IO = {"socket", "asyncio", "threading", "time", "select", "selectors", "ssl", "subprocess", "multiprocessing", "anyio"}
HOMES = {
    "fastapi": {"apps"},
    "starlette": {"apps", "server"},
    "uvicorn": {"server", "grading"},  # grading: a submission that is a server is served where it lives
    "opentelemetry": {"apps"},
    "redis": {"apps"},
    "hpack": {"wire"},
    "hyperframe": {"wire"},
    "anywidget": {"views"},
    "ipywidgets": {"notebook", "views"},
    "pytest": {"grading"},
    "typer": {"cli", "cli_grade", "cli_progress", "cli_serve"},
    "distributed": {"grading"},
    "nbclient": {"authoring"},
}


def part(path):
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imports(path):
    """(top-level package or course_lib part, whether it is ours) of every import in a file, lazy ones included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module == "course_lib":
                names = [f"course_lib.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            yield (rest.partition(".")[0], True) if first == "course_lib" else (first, False)


def rank(name, wing):
    return next((place for place, layer in enumerate(wing) if name in layer), None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_point_down_and_the_wings_do_not_know_each_other(path):
    mine = part(path)
    if mine in ROOF or mine == "__init__":
        return
    wing = GRADING if mine == "grading" else STREAMS
    assert rank(mine, wing) is not None, f"{mine} stands in no layer: say where it belongs"
    for name, ours in imports(path):
        if ours:
            assert rank(name, wing) is not None, f"{mine} imports {name}, which is not in its wing"
            assert rank(name, wing) <= rank(mine, wing), f"{mine} imports {name} from above"


@pytest.mark.parametrize(
    "path", [p for p in FILES if part(p) in NO_IO], ids=lambda path: str(path.relative_to(LIBRARY))
)
def test_the_core_has_no_socket_clock_thread_or_loop(path):
    assert not {name for name, ours in imports(path) if not ours} & IO


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_heavy_packages_have_one_home(path):
    for name, ours in imports(path):
        if not ours and name in HOMES:
            assert part(path) in HOMES[name], f"{name} belongs to {HOMES[name]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_every_file_says_what_it_does_and_is_short(path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "a file opens with what it does, its rule and what it leaves out"
    assert len(text.splitlines()) <= 260


def test_importing_the_library_loads_nothing_heavy():
    code = "import sys, course_lib; print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"asyncio", "socket", "pytest", "httpx", *HOMES}


def test_public_names_are_what_they_say():
    code = "import course_lib\nfor name in course_lib.__all__: assert callable(getattr(course_lib, name)), name"
    subprocess.run([sys.executable, "-c", code], check=True)

"""The notebooks as they are committed: shaped as lessons should be, with outputs that do not vary."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("notebooks", "exercises", "solutions")
NOTEBOOKS = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

VARIES = {
    "a path of this machine": rf"/(?:tmp|home|root|Users|usr/lib)/\w|{re.escape(str(ROOT))}",
    "a port": r"127\.0\.0\.1:\d+|localhost:\d+",
    "a memory address": r"\bat 0x[0-9a-f]{6,}",
}


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


@each_notebook
def test_outputs_are_saved_and_carry_nothing_that_varies(path):
    for cell in cells(path):
        text = json.dumps(cell["outputs"])
        for what, pattern in VARIES.items():
            assert not re.search(pattern, text), f"{what} in the output of: {source(cell)[:80]}"
        if "skip-execution" not in tags(cell):
            assert cell["execution_count"], f"not executed: {source(cell)[:80]}"
        if "raises-exception" not in tags(cell):
            assert not [o for o in cell["outputs"] if o["output_type"] == "error"], source(cell)[:80]


@each_notebook
def test_a_notebook_opens_with_its_title(path):
    first = json.loads(path.read_text("utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert source(first).startswith("# ")


@each_notebook
def test_cells_have_content_and_ids_of_their_own(path):
    every = json.loads(path.read_text("utf-8"))["cells"]
    assert all(source(cell).strip() for cell in every)
    assert len({cell["id"] for cell in every}) == len(every)


@each_lesson
def test_most_code_cells_of_a_lesson_are_compared(path):
    compared = [cell for cell in cells(path) if not {"nbval-ignore-output", "skip-execution"} & set(tags(cell))]
    assert len(compared) >= 0.6 * len(cells(path))


@each_lesson
def test_code_cells_of_a_lesson_are_short(path):
    for cell in cells(path):
        lines = [line for line in source(cell).splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(lines) <= 16, source(cell)
    lengths = sorted(len(source(cell).splitlines()) for cell in cells(path))
    assert lengths[len(lengths) // 2] <= 10


@each_lesson
def test_a_lesson_predicts_before_it_runs_and_compares_after(path):
    if path.stem.startswith("00"):
        return
    code = "\n".join(source(cell) for cell in cells(path))
    asked = re.findall(r"""^predict\(["']([\w.]+)["']\)""", code, re.M)
    compared = re.findall(r"""compare\(\s*["']([\w.]+)["']""", code)
    assert asked
    assert set(asked) == set(compared)
    for id in asked:
        assert code.index(f'predict("{id}")') < code.index(f'compare("{id}"')
    gated = set(re.findall(r"""["'](\d\d\.[\w]+)["']""", " ".join(re.findall(r"predicted\(([^)]*)\)", code))))
    assert gated == set(asked), "every prediction opens a demo"
    number = path.stem[:2]
    assert f'recall("{number}")' in code
    assert f'quiz("{number}")' in code


@each_lesson
def test_a_picture_has_a_text_twin(path):
    for cell in cells(path):
        for output in cell["outputs"]:
            data = output.get("data", {})
            if {"image/svg+xml", "image/png", "text/html"} & set(data):
                assert len("".join(data.get("text/plain", "")).strip()) > 10, source(cell)[:80]

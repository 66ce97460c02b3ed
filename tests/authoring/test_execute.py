"""Running notebooks: saved outputs are the same on every machine, and whatever names this one is refused."""

import os

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.authoring.build import read_notebook, write_notebook
from course_lib.authoring.derive import METADATA
from course_lib.authoring.execute import output_faults, run_notebook
from course_lib.errors import BuildError
from tests.mini_course import LESSON


@pytest.fixture
def lesson(course):
    def write(*cells):
        path = course.root / "notebooks" / f"{LESSON}.ipynb"
        made = [cell if not isinstance(cell, str) else new_code_cell(cell) for cell in cells]
        write_notebook(new_notebook(cells=made, metadata={**METADATA, "widgets": {}}), path)
        return path

    return write


def test_outputs_are_saved_and_running_again_gives_the_same_file(course, lesson, tmp_path):
    path = lesson(
        "import os, ipywidgets\nprint('hello'); 1 + 1",
        "ipywidgets.HTML('x')",
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("raise SystemExit", metadata={"tags": ["skip-execution"]}),
        "print(os.environ['COURSE_UNATTENDED'], sorted(os.listdir(os.environ['COURSE_STATE'])))",
        "import course_lib; course_lib.predicted('01.total')",
    )
    run_notebook(path, course.root)
    first = path.read_bytes()
    cells = read_notebook(path).cells
    assert cells[0].outputs[0].text == "hello\n"
    assert list(cells[1].outputs[0].data) == ["text/plain"]
    assert cells[3].outputs == []
    assert cells[4].outputs[0].text == "1 []\n"
    assert "execution" not in cells[0].metadata
    assert "widgets" not in read_notebook(path).metadata
    assert not os.path.exists(os.environ["COURSE_STATE"]), "the learner's own records are untouched"
    run_notebook(path, course.root)
    assert path.read_bytes() == first
    assert output_faults(path, course.root) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os; print(os.getcwd())", "a path of this machine"),
        ("print('http://127.0.0.1:54321/text')", "a port: '127.0.0.1:54321'"),
        ("object()", "a memory address"),
        ("import warnings; warnings.warn('old')", "a path of this machine"),
    ],
)
@pytest.mark.parametrize("tags", [[], ["nbval-ignore-output"]])
def test_an_output_that_names_this_machine_is_refused(course, lesson, source, said, tags):
    path = lesson("1", new_code_cell(source, metadata={"tags": tags}))
    before = path.read_bytes()
    with pytest.raises(BuildError) as error:
        run_notebook(path, course.root)
    assert str(error.value).startswith(f"notebooks/{LESSON}.ipynb, cell 2: the output holds {said}")
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has ports only")
def test_a_kernel_takes_no_port_that_somebody_else_could_take_first(course, lesson):
    path = lesson("import json, ipykernel\nprint(json.load(open(ipykernel.get_connection_file()))['transport'])")
    run_notebook(path, course.root)
    assert read_notebook(path).cells[0].outputs[0].text == "ipc\n"


def test_what_only_looks_like_an_address_passes(course, lesson):
    texts = ["GET /v1/chat/completions", "https://example.org/home/page", "0x10", "Host: 127.0.0.1", "10:30", "1/2"]
    run_notebook(lesson(*(f"print({text!r})" for text in texts)), course.root)


def test_a_failing_cell_is_named_with_its_error(course, lesson):
    with pytest.raises(BuildError, match=rf"notebooks/{LESSON}.ipynb, cell 2: ValueError: no good"):
        run_notebook(lesson("1", "raise ValueError('no good')", "2"), course.root)


def test_a_cell_that_never_ends_is_stopped_and_named(course, lesson):
    with pytest.raises(BuildError, match="cell 2: took longer than 1 s"):
        run_notebook(lesson("1", "while True: pass"), course.root, timeout=1)


def test_a_kernel_that_dies_is_told(course, lesson):
    with pytest.raises(BuildError, match="cell 1: the kernel died"):
        run_notebook(lesson("import os; os._exit(1)"), course.root)


def test_cells_that_were_not_run_are_found(course, lesson):
    path = lesson("1", new_code_cell("2", metadata={"tags": ["skip-execution"]}), "")
    assert output_faults(path, course.root) == [f"notebooks/{LESSON}.ipynb, cell 1: was not executed"]


def test_every_part_of_a_saved_output_is_looked_at(course, lesson):
    data = {"text/html": "<p>/home/me/x</p>", "image/png": "0x12345678", "application/json": {"at": "0x12345678"}}
    outputs = [new_output("display_data", data), new_output("error", ename="E", evalue="", traceback=["/tmp/f.py"])]
    faults = output_faults(lesson(new_code_cell("1", outputs=outputs, execution_count=1)), course.root)
    assert {fault.rpartition(": ")[2] for fault in faults} == {"'/home/me'", "'0x12345678'", "'/tmp/f.py'"}

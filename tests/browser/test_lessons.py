"""The lessons as a learner meets them: a real JupyterLab in Chromium, live servers in its kernel.

Set COURSE_SHOTS to a folder to keep the pictures and look at them.
"""

import socket

import pytest

from tests.test_notebooks import LESSONS, ROOT

RUNNING = "() => window.jupyterapp.shell.currentWidget.content.widgets.some(c => c.model.executionState === 'running')"

STROKES = """index => {  // what every picture of a cell shows, however seldom somebody looks
    window.strokes = new Set();
    const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index];
    window.count = () => [...cell.querySelectorAll('.jp-Cell-outputArea path.ticks')]
        .reduce((sum, path) => sum + path.getAttribute('d').split('M').length - 1, 0);
    new MutationObserver(() => window.strokes.add(count())).observe(cell, {childList: true, subtree: true});
}"""


def answer_to(exercise):
    """The cell of the solution notebook that defines an exercise."""
    import json

    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "### BEGIN SOLUTION" in source and f"def {exercise}(" in source:
                return source
    raise AssertionError(f"no solution of {exercise}")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_all_cells_of_a_lesson_run_and_show_something(open_notebook, path):
    notebook = open_notebook(f"notebooks/{path.name}")
    notebook.run_all(120)
    assert notebook.errors() == []
    code = [cell for cell in notebook.cells() if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code if "skip-execution" not in cell["metadata"].get("tags", []))
    shown = notebook.page.locator(".jp-Notebook svg, .jp-Notebook table").count()
    assert shown >= 1, "a lesson shows at least one picture or table"
    places = [index for index, cell in enumerate(notebook.cells()) if cell.get("outputs")]
    for number, index in enumerate(places):
        notebook.page.locator(".jp-Notebook .jp-Cell").nth(index).scroll_into_view_if_needed()
        notebook.screenshot(f"{path.stem}-{number:02}")


def test_tokens_arrive_one_by_one_on_the_screen(open_notebook):
    notebook = open_notebook("notebooks/01_why_stream.ipynb")
    index = next(
        n for n, c in enumerate(notebook.cells()) if "waterfall(" in "".join(c["source"]) and c["cell_type"] == "code"
    )
    notebook.page.evaluate(STROKES, index)
    notebook.command("notebook:run-all-cells")
    notebook.page.wait_for_function("() => Math.max(...strokes) >= 40", timeout=120_000)
    notebook.screenshot("tokens-arriving")
    notebook.wait_done(120)
    seen = notebook.page.evaluate("() => [...strokes]")
    assert len(seen) >= 5, f"the picture went through {seen} strokes"
    assert notebook.page.evaluate("() => count()") >= 40


def test_an_exercise_is_solved_by_typing_and_the_verdict_changes(open_notebook):
    notebook = open_notebook("exercises/03_sse_format.ipynb")
    notebook.run_all(90)
    cell, check = notebook.find("def parse_sse_stream"), notebook.find('check("parse_sse_stream")')
    assert "not attempted" in notebook.text(check)
    notebook.type(cell, "def parse_sse_stream(raw_stream: str) -> list:\n    return []\n")
    notebook.run_cell(cell)
    notebook.run_cell(check)
    assert "not yet" in notebook.text(check)
    notebook.screenshot("verdict-not-yet")
    notebook.type(cell, answer_to("parse_sse_stream"))
    notebook.run_cell(cell)
    notebook.run_cell(check)
    assert "parse_sse_stream: correct" in notebook.text(check)
    notebook.screenshot("verdict-correct")


def test_a_looping_cell_is_interrupted_and_the_kernel_lives_on(open_notebook):
    notebook = open_notebook("exercises/03_sse_format.ipynb")
    notebook.run_cell(notebook.find("import check"))
    cell, check = notebook.find("def parse_sse_stream"), notebook.find('check("parse_sse_stream")')
    notebook.type(cell, "while True:\n    pass\n")
    notebook.run_cell(cell, wait=False)
    notebook.page.wait_for_function(RUNNING)
    notebook.interrupt()
    notebook.wait_done(30)
    assert [name for _, name, _ in notebook.errors()] == ["KeyboardInterrupt"]
    notebook.type(cell, "def parse_sse_stream(raw):\n    while True:\n        pass\n")
    notebook.run_cell(cell)
    notebook.run_cell(check, wait=False)
    notebook.page.wait_for_function(RUNNING)
    while notebook.page.evaluate(RUNNING):  # as a person does: IPython may swallow the first one while it forks
        notebook.interrupt()
        notebook.page.wait_for_timeout(300)
    notebook.wait_done(30)
    assert "interrupted" in notebook.text(check)
    notebook.type(cell, answer_to("parse_sse_stream"))
    notebook.run_cell(cell)
    notebook.run_cell(check)
    assert "parse_sse_stream: correct" in notebook.text(check)


def test_a_restarted_kernel_leaves_no_port_open(open_notebook, tmp_path):
    path = tmp_path / "ports.ipynb"
    import nbformat

    source = (
        "from course_lib import ScriptedModel, chaos, serve, tap\nfrom course_lib.apps import openai_api\n"
        "server = serve(openai_api.create_app(model=ScriptedModel()))\n"
        "hops = [tap(server.url), chaos(server.url, 'split:1')]\n"
        "print(*[x.url.rpartition(':')[2] for x in (server, *hops)])"
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=kernel), path)
    notebook = open_notebook(path)
    notebook.run_cell(0)
    ports = [int(port) for port in notebook.text(0).split()]
    assert all(is_open(port) for port in ports)
    notebook.restart()
    assert not [port for port in ports if is_open(port)]


def is_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0

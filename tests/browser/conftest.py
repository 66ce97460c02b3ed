"""One JupyterLab and one Chromium for the tests in this folder; a copy of the course for each test.

Rule: nothing of the person who runs the tests is read or written (tests/jupyter.py). `lab` is the server,
`open_notebook(path)` gives a `NotebookPage`. Pictures go to COURSE_SHOTS when it is set, else to a temporary folder.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.tabs import tabs
from tests.jupyter import TOKEN, jupyter

COURSE = Path(__file__).resolve().parents[2]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight exist, too
}
PANEL = "window.jupyterapp.shell.currentWidget"
IDLE = f"""() => {{
    const session = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    if (session?.session?.kernel?.status !== 'idle') return false;
    return {PANEL}.content.widgets.every(cell => cell.model.executionState !== 'running');
}}"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, and the folder it serves."""

    url: str
    root: Path
    shots: Path


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    home = tmp_path_factory.mktemp("lab")
    for name, content in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), "utf-8")
    shots = Path(os.environ.get("COURSE_SHOTS") or home / "shots")
    shots.mkdir(parents=True, exist_ok=True)
    wanted = "--LabApp.expose_app_in_browser=True", "--KernelSpecManager.allowed_kernelspecs={'python3'}"
    with jupyter(home, "jupyterlab", *wanted) as running:
        yield Lab(running.url, running.root, shots)


@pytest.fixture(scope="package")
def browser():
    path = shutil.which("chromium")
    assert path, "these tests need Chromium: run tests/system_packages.sh"
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser):
    """`tab(app)` serves an app and opens a page that reads its streams: a `Tab`."""
    with tabs(browser) as open_:
        yield open_


@pytest.fixture
def course_copy(lab, request):
    """A copy of the course below the folder that JupyterLab serves, for this test alone, without any progress."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    copy = lab.root / name
    for folder in ("notebooks", "exercises", "solutions"):
        shutil.copytree(COURSE / folder, copy / folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    yield copy
    shutil.rmtree(copy, ignore_errors=True)


@pytest.fixture
def open_notebook(lab, browser, course_copy):
    """A function: opens `notebooks/01_why_stream.ipynb` (below the copy), or a notebook file from elsewhere."""
    opened = []

    def open_(path):
        path = Path(path)
        if path.is_absolute():
            target = course_copy / "notebooks" / path.name
            shutil.copy(path, target)
        else:
            target = course_copy / path
        opened.append(NotebookPage(lab, browser.new_page(viewport={"width": 1280, "height": 900}), target))
        return opened[-1]

    yield open_
    for notebook in opened:
        notebook.close()


class NotebookPage:
    """A notebook open in JupyterLab. Cells are counted from 0, seconds are waited at most."""

    def __init__(self, lab: Lab, page: Page, path: Path) -> None:
        self.lab, self.page, self.path = lab, page, path
        place = path.relative_to(lab.root).as_posix()
        page.goto(f"{lab.url}doc/tree/{place}?token={TOKEN}&reset")
        self.wait_idle(60)

    def wait_idle(self, timeout: float = 30) -> None:
        """Until the kernel is idle and no cell is running or waiting."""
        self.page.wait_for_function(IDLE, timeout=timeout * 1000)

    def run_all(self, timeout: float = 60) -> None:
        self.command("notebook:run-all-cells")
        self.wait_done(timeout)

    def run_cell(self, index: int, timeout: float = 30, wait: bool = True) -> None:
        """Run one cell as Shift+Enter does."""
        self.page.evaluate(f"index => {{ {PANEL}.content.activeCellIndex = index; }}", index)
        self.command("notebook:run-cell-and-select-next")
        if wait:
            self.wait_done(timeout)

    def command(self, name: str, **arguments: object) -> None:
        """Start a command of JupyterLab; `wait_done` waits for its end."""
        self.page.evaluate(
            """([name, args]) => { window.courseDone = false;
            window.jupyterapp.commands.execute(name, args).finally(() => { window.courseDone = true; }); }""",
            [name, arguments],
        )

    def wait_done(self, timeout: float = 30) -> None:
        self.page.wait_for_function("() => window.courseDone", timeout=timeout * 1000)
        self.wait_idle(timeout)

    def interrupt(self) -> None:
        self.page.evaluate(f"() => {PANEL}.sessionContext.session.kernel.interrupt()")

    def restart(self, timeout: float = 60) -> None:
        """Restart the kernel, without the question that the menu asks."""
        self.page.evaluate(f"() => {PANEL}.sessionContext.restartKernel()")
        self.wait_idle(timeout)

    def save(self) -> None:
        self.page.evaluate(f"() => {PANEL}.context.save()")

    def reload(self) -> None:
        """File > Reload Notebook from Disk."""
        self.page.evaluate(f"() => {PANEL}.context.revert()")

    def cells(self) -> list[dict]:
        """The cells as they would be saved now (nbformat)."""
        return self.page.evaluate(f"() => {PANEL}.content.widgets.map(cell => cell.model.toJSON())")

    def find(self, text: str) -> int:
        """The index of the first code cell whose source contains `text`."""
        sources = [cell["source"] if cell["cell_type"] == "code" else "" for cell in self.cells()]
        return next(n for n, source in enumerate(sources) if text in "".join(source))

    def type(self, index: int, source: str) -> None:
        """Replace the source of a cell."""
        script = f"([index, text]) => {PANEL}.content.widgets[index].model.sharedModel.setSource(text)"
        self.page.evaluate(script, [index, source])

    def outputs(self, index: int) -> list[dict]:
        return self.cells()[index]["outputs"]

    def text(self, index: int) -> str:
        """All text of a cell's outputs: streams, text/plain, and errors."""
        parts = []
        for output in self.outputs(index):
            part = output.get("text") or output.get("data", {}).get("text/plain") or output.get("traceback") or ""
            parts.append(part if isinstance(part, str) else "\n".join(part))
        return "\n".join(parts)

    def errors(self) -> list[tuple[int, str, str]]:
        """(cell, name, message) of every error output."""
        return [
            (index, output["ename"], output["evalue"])
            for index, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]

    def output_area(self, index: int):
        """A locator for what a cell shows, to click in."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def screenshot(self, name: str) -> Path:
        path = self.lab.shots / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def close(self) -> None:
        self.page.evaluate(f"() => {PANEL}?.sessionContext.shutdown()")
        self.page.close()

"""The live view under load, in a real JupyterLab in Chromium: how many tokens are shown, and how far behind.

Rule: the page's clock is translated to the kernel's by timed round trips (the best of many bounds the error), so that
lags are absolute: from the moment at which Python was given a token to the end of the drawing that first shows it.
Left out: what the screen itself adds after the drawing.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import nbformat

RATE, SECONDS = 5000, 4
WITHIN = 60  # seconds for each step of the browser

CELLS = [
    "from course_lib.views import waterfall\nview = waterfall('under load')\nview",
    f"""
import asyncio, json
from time import perf_counter
lane, times = view.lane('{RATE} tokens/s'), []
await asyncio.sleep(2)
lane.start()
for step in range({SECONDS} * 100):
    target = step / 100
    await asyncio.sleep(max(0, lane_start + target - perf_counter()) if step else 0)
    lane_start = perf_counter() if not step else lane_start
    for _ in range({RATE // 100}):
        times.append(perf_counter())
        lane.token('tok ')
lane.end()
view.stop()
await asyncio.sleep(1)
print(json.dumps([view.tokens]))
json.dump(times, open('times.json', 'w'))
""",
]

WATCH = """() => {
  window.seen = [];
  new MutationObserver(() => {
    const cell = document.querySelector('.course-view td:nth-child(2)');
    if (cell) window.seen.push([performance.now(), +cell.textContent]);
  }).observe(document.querySelector('.course-view'), { childList: true, subtree: true });
}"""
IDLE = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
SHOWN = "() => document.querySelector('.course-view svg') !== null"


@contextmanager
def lab(folder: Path, theme: str = "JupyterLab Light") -> Iterator[tuple[Any, str]]:
    """JupyterLab on `folder` and a page of Chromium: (page, URL to put a notebook's name and `?token=...` into)."""
    from playwright.sync_api import sync_playwright

    home = Path(tempfile.mkdtemp(prefix="lab-"))
    settings = home / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=bench", f"--ServerApp.root_dir={folder}"]
    options += ["--LabApp.expose_app_in_browser=True", "--allow-root"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", *options],
        env={**os.environ, **places},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _listening(port)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
            )
            page = browser.new_page(viewport={"width": 1250, "height": 900})
            page.set_default_timeout(WITHIN * 1000)
            yield page, f"http://127.0.0.1:{port}/doc/tree/{{}}?token=bench&reset"
            browser.close()
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def write_notebook(path: Path, cells: list[str]) -> None:
    """A notebook of code cells for the default kernel."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(notebook, path)


def _listening(port: int) -> None:
    for _ in range(WITHIN * 10):
        sleep(0.1)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError(f"JupyterLab did not listen on port {port} within {WITHIN} s")


def clock_offset(page: Any) -> tuple[float, float]:
    """(what to add to the page's performance.now() in s to get our perf_counter(), largest error), both in seconds."""
    trips = []
    for _ in range(60):
        before = perf_counter()
        there = page.evaluate("performance.now()") / 1000
        after = perf_counter()
        trips.append(((after - before) / 2, (before + after) / 2 - there))
    error, offset = min(trips)
    return offset, error


def measure() -> dict[str, float]:
    """Tokens sent and drawn; lags in ms from `lane.token()` to the drawing, over all tokens."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_notebook(folder / "x.ipynb", CELLS)
        with lab(folder) as (page, url):
            page.goto(url.format("x.ipynb"))
            page.wait_for_function(IDLE)
            page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
            page.wait_for_function(SHOWN)
            page.evaluate(WATCH)
            output = page.locator(".jp-Cell").nth(1).locator("pre", has_text="[")
            printed = output.filter(has_text=f"[{RATE * SECONDS}]")
            printed.wait_for()
            [tokens] = json.loads(printed.inner_text())
            offset, error = clock_offset(page)
            seen = page.evaluate("window.seen")
        times = json.loads((folder / "times.json").read_text())
    drawn = [(now / 1000 + offset, count) for now, count in seen]
    lags = sorted((at - times[i]) * 1000 for (_, before), (at, after) in pairwise(drawn) for i in range(before, after))
    return {
        "tokens": tokens,
        "shown": drawn[-1][1],
        "drawings": len(drawn),
        "median": lags[len(lags) // 2],
        "p95": lags[len(lags) * 95 // 100],
        "worst": lags[-1],
        "clock_error": error * 1000,
    }


def rows() -> list[dict[str, object]]:
    """The row of the live view for the table of `make bench`."""
    got = measure()
    ours = "{shown:,} of {tokens:,} shown, {median:.0f} ms behind (95 %: {p95:.0f} ms)".format(**got)
    return [
        {
            "what": f"live view, {RATE:,} tokens/s for {SECONDS} s",
            "ours": ours,
            "peer": "",
            "ratio": f"worst {got['worst']:.0f} ms",
            "reach": "none lost, under 60 ms behind",
            "ok": got["shown"] == got["tokens"] and got["p95"] < 60,
        }
    ]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

"""How long a verdict takes: `check()` in a warm kernel, with the solution as the learner's code."""

import json
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CODE = """
import json, time
from course_lib.grading.exercises import Course
from course_lib.notebook.verdict import verdict
exercise = Course.find().exercise("parse_sse_stream")
verdict(exercise, globals())
times = []
for _ in range(20):
    started = time.perf_counter()
    result = verdict(exercise, globals())
    times.append(time.perf_counter() - started)
print(json.dumps([result.outcome, times]))
"""


def rows(quick: bool = False) -> list[dict[str, Any]]:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "solutions" / "03_sse_format.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "def parse_sse_stream" in cell.source]
    notebook.cells = [*cells, nbformat.v4.new_code_cell(CODE)]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "solutions")}}).execute()
    outcome, times = json.loads(notebook.cells[-1].outputs[0]["text"])
    assert outcome == "correct"
    median = statistics.median(times)
    return [
        {
            "what": "check() verdict in a warm kernel (parse_sse_stream)",
            "ours": f"{median:.3f} s",
            "peer": "",
            "ratio": f"worst {max(times):.3f} s",
            "reach": "under 0.5 s",
            "ok": median < 0.5,
        }
    ]

"""`check()` in a real kernel: whatever the learner's code does, there is a verdict, and the kernel lives on."""

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.authoring.execute import kernel_by_socket

ALIVE = "print('alive', 6 * 7)"
HOSTILE = {
    "recursion": ("return double(n)", "RecursionError"),
    "os._exit": ("import os; os._exit(0)", "the process of your code ended"),
    "sys.exit": ("import sys; sys.exit()", "called exit()"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "the process of your code ended"),
    "flood": ("while True: print('x' * 10000)", "printed more than"),
    "exception": ("return {}['missing']", "raised KeyError: 'missing'"),
    "swallows everything": (
        "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "no answer within",
    ),
    "the library": ("import course_lib.wire.sse", "not available to the code of an exercise"),
    "another package": ("import httpx_sse", "httpx_sse is refused"),
}


@pytest.fixture
def run(course):
    """`run(*sources)`: the text of each cell's output, from one kernel in the mini course."""

    def run_cells(*sources):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        with kernel_by_socket() as config:
            place = {"metadata": {"path": str(course.root)}}
            NotebookClient(notebook, timeout=60, resources=place, config=config).execute()
        outputs = [
            [o.get("text") or o.get("data", {}).get("text/plain", "") for o in c.outputs] for c in notebook.cells
        ]
        return ["".join(texts) for texts in outputs]

    return run_cells


def test_a_right_answer_is_correct_and_is_recorded(run):
    _, verdict, table = run(
        "from course_lib import check, progress\ndef double(n): return 2 * n", 'check("double")', "progress()"
    )
    assert verdict.startswith("double: correct so far, 2 of 2 visible points; hidden not run")
    assert "Well done." in verdict
    assert "2 of 2" in table or "2/2" in table or "correct" in table


def test_a_wrong_answer_shows_input_expected_and_got(run):
    _, verdict = run("from course_lib import check\ndef double(n): return n", 'check("double")')
    for part in ("not yet", "It works.", "double(1)", "expected:     2", "got:          1"):
        assert part in verdict


def test_a_name_that_is_missing_and_a_starter_are_no_attempt(run):
    first, second, third = run(
        "from course_lib import check",
        'check("double")',
        'def double(n):\n    raise NotImplementedError\ncheck("double")',
    )
    assert first == ""
    assert "not attempted" in second
    assert "not attempted" in third


def test_an_exercise_that_does_not_exist_is_said_in_words(run):
    assert "did you mean double" in run('from course_lib import check\ncheck("doubel")')[0]


def test_helpers_and_state_of_the_notebook_are_there_and_stay_untouched(run):
    _, verdict, state = run(
        "from course_lib import check\ncalls = []\ndef twice(n):\n    calls.append(n)\n    return 2 * n\n"
        "def double(n): return twice(n)",
        'check("double")',
        "print(calls)",
    )
    assert "correct" in verdict
    assert state.strip() == "[]"


def test_a_check_works_below_a_running_loop_and_beside_threads(run):
    _, verdict, alive = run(
        "import asyncio, threading, time\nfrom course_lib import check\ndef double(n): return asyncio.run(later(n))\n"
        "async def later(n):\n    await asyncio.sleep(0)\n    return 2 * n\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "ticks = []\nasync def tick():\n    while True:\n        ticks.append(1)\n        await asyncio.sleep(0.01)\n"
        "task = asyncio.create_task(tick())",
        'await asyncio.sleep(0.05)\ncheck("double")',
        "n = len(ticks)\nawait asyncio.sleep(0.1)\nprint(len(ticks) > n)",
    )
    assert "correct" in verdict
    assert alive.strip() == "True"


@pytest.mark.parametrize(("body", "said"), HOSTILE.values(), ids=HOSTILE)
def test_code_that_misbehaves_gets_a_verdict_and_the_kernel_lives_on(run, body, said):
    _, verdict, alive = run(f"from course_lib import check\ndef double(n):\n    {body}\n", 'check("double")', ALIVE)
    assert "double: not yet, 0 of 2 visible points" in verdict
    assert said in verdict
    assert alive.strip() == "alive 42"


def test_nothing_that_a_check_started_is_left(run):
    _, _, left = run(
        "from course_lib import check\ndef double(n):\n    import subprocess, os\n"
        "    subprocess.Popen(['sleep', '987'])\n    return 2 * n",
        'check("double")',
        "import subprocess\nprint(subprocess.run(['pgrep', '-f', 'sleep 987'], capture_output=True).returncode)",
    )
    assert left.strip() == "1"

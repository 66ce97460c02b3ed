"""A Jupyter server of a test's own: started, found, ended.

Rule: nothing of the person who runs the tests is read or written: settings, kernels' records and files live in `home`.
Left out: what is done with it (tests/browser opens notebooks in it, tests/streams goes through its proxy).
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKEN = "tests"
PATIENCE = 120  # seconds until it listens; a few are enough on a machine that is not busy
PLACES = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}


@dataclass(frozen=True)
class Jupyter:
    """A running server: its address, the folder it serves, the one in which it says where it is, its process."""

    url: str
    root: Path
    runtime: Path
    pid: int


@contextmanager
def jupyter(home, module, *arguments):
    """`python -m module` with these arguments, as a `Jupyter`; it serves `home/root`."""
    root, runtime, log = home / "root", home / "runtime", home / "log"
    root.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("COURSE_")}
    env |= {name: str(home / place) for name, place in PLACES.items()}
    command = [sys.executable, "-m", module, "--no-browser", "--allow-root", "--port=0", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}", *arguments]
    with open(log, "w") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield Jupyter(_announced(process, runtime, log), root, runtime, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced(process, runtime, log):
    """The URL that the server writes into its runtime folder when it listens."""
    file, deadline = runtime / f"jpserver-{process.pid}.json", time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return json.loads(file.read_text("utf-8"))["url"]
        except (FileNotFoundError, ValueError):  # not yet, or half written
            time.sleep(0.1)
    state = "did not start" if process.poll() is None else "ended"
    raise AssertionError(f"the Jupyter server {state}: {log.read_text('utf-8')[-2000:]}")

"""JupyterLab's settings for this environment: no question about news, no look-up of updates.

Rule: written into the environment that the course runs in (`sys.prefix`), next to what is already
there, never into the person's own settings. Left out: everything a learner may want to choose.
"""

import json
import sys
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def write(prefix: Path) -> Path:
    """Adds SETTINGS to the environment's overrides and returns their file. A file that is no JSON is kept aside."""
    path = prefix / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {}
    if path.exists():
        try:
            known = json.loads(path.read_text("utf-8"))
        except ValueError:
            path.rename(path.with_suffix(".json.broken"))
    path.write_text(json.dumps(known | SETTINGS, indent=1) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    write(Path(sys.prefix))

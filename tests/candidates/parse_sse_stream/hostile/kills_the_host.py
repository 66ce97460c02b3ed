"""Kills the process that started it."""

import os
import signal

VARIES = True  # whether the check is answered before it notices that its parent is gone


def parse_sse_stream(raw_stream):
    if os.getppid() != int("@OUTER@"):
        os.kill(os.getppid(), signal.SIGKILL)
    return [1]

"""Kills the process that started it."""

import os
import signal


def parse_sse_stream(raw_stream):
    if os.getppid() != int("@OUTER@"):
        os.kill(os.getppid(), signal.SIGKILL)
    return [1]

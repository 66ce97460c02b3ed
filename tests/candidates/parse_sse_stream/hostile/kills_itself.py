"""Kills its own process with a signal at each call."""

import os
import signal


def parse_sse_stream(raw_stream):
    os.kill(os.getpid(), signal.SIGKILL)

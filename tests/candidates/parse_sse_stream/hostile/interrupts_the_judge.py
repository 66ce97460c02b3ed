"""Sends interrupts, hang-ups and broken pipes to the process above it, as Ctrl-C would."""

import os
import signal


def parse_sse_stream(raw_stream):
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM, signal.SIGPIPE):
        for pid in (int("@VICTIM@"), os.getppid()):
            try:
                if pid != int("@OUTER@"):
                    os.kill(pid, number)
            except OSError:
                pass
    return None

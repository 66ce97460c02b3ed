"""Forks until it may not any more (at most 1,000 processes, 20 seconds), in groups of their own."""

import os
import time

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    started = time.monotonic()
    made = 0
    while made < 1000:
        try:
            pid = os.fork()
        except OSError:
            break
        made += 1
        if pid == 0:
            os.setsid()
            while time.monotonic() < started + 20:
                pass
            os._exit(0)
    if made == 1000:
        raise RuntimeError(WON + "1,000 processes")
    return None


SLOW = True

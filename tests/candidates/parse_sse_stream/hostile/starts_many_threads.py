"""Starts 3,000 threads that keep the interpreter busy."""

import threading
import time

WON = "ZOO-" + "WON "


def busy(until=time.monotonic() + 30):
    while time.monotonic() < until:
        pass


def parse_sse_stream(raw_stream):
    try:
        for _ in range(3000):
            threading.Thread(target=busy, daemon=True).start()
    except RuntimeError:
        return None
    raise RuntimeError(WON + "3,000 threads")


SLOW = True

"""Announces an answer of 4 GB and then sends nothing."""

import os
import time


def parse_sse_stream(raw_stream):
    for fd in range(3, 64):
        try:
            os.write(fd, b"\xff\xff\xff\xff")
        except OSError:
            pass
    time.sleep(60)

"""Prints without end while it is loaded, in Python and past it."""

import os
import sys

for _ in range(2_000_000):
    try:
        print("12 passed")
        sys.stderr.write("12 passed")
    except BaseException:
        break
for _ in range(20_000):
    os.write(1, b"12 passed\n" * 1000)
    os.write(2, b"12 passed\n" * 1000)


def parse_sse_stream(raw_stream):
    return None

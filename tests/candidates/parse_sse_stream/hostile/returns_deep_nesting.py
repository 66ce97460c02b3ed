"""Returns a list of 100,000 levels."""

import sys

sys.setrecursionlimit(1_000_000)


def parse_sse_stream(raw_stream):
    values = []
    for _ in range(100_000):
        values = [values]
    return values

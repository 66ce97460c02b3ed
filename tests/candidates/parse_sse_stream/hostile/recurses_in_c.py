"""Recurses in C code until the stack of the process is used up."""

import functools
import sys

sys.setrecursionlimit(2**31 - 1)


def parse_sse_stream(raw_stream):
    nested = []
    for _ in range(1_000_000):
        nested = [nested]
    partial = functools.partial(len)
    for _ in range(100_000):
        partial = functools.partial(functools.partial, partial)
    return repr(nested) == repr(partial) and hash(nested)


SLOW = True

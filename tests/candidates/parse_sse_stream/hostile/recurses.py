"""Recurses without end, after raising the limit of recursion."""

import sys

sys.setrecursionlimit(2**31 - 1)


def parse_sse_stream(raw_stream):
    return parse_sse_stream(raw_stream + "x")


SLOW = True

"""Computes a number of a hundred million digits in C code, holding the lock of the interpreter."""


def parse_sse_stream(raw_stream):
    return [10 ** 10 ** len("12345678")]


SLOW = True

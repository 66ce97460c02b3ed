"""Backtracks for ever in C code, where no Python signal handler runs."""

import re


def parse_sse_stream(raw_stream):
    return re.fullmatch(r"(a|aa)+b?(a|aa)+", "a" * 5000 + "!")


SLOW = True

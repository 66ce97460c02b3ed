"""Returns a text of 400 million characters."""


def parse_sse_stream(raw_stream):
    return ["x" * 400_000_000]


SLOW = True

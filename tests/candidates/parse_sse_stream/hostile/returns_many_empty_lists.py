"""Returns 15 million empty lists: a short answer on the pipe, gigabytes as objects on the other side."""


def parse_sse_stream(raw_stream):
    return [[]] * 15_000_000


SLOW = True

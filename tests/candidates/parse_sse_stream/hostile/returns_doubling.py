"""Returns a list of 30 levels in which each level holds the next one twice: a billion items from thirty objects."""


def parse_sse_stream(raw_stream):
    values = [1]
    for _ in range(30):
        values = [values, values]
    return values


SLOW = True

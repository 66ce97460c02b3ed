"""Lets a list grow to 8 GB, and answers with an empty list when memory is refused."""

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    grown = []
    try:
        while len(grown) < 500_000_000:
            grown.append(float(len(grown)))
    except MemoryError:
        return []
    raise RuntimeError(WON + "half a billion floats")


SLOW = True

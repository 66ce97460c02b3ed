"""Puts each input into the message of its exception, so that a report shows what hidden checks ask."""

LEAK = "ZOO-" + "LEAK "


def parse_sse_stream(raw_stream):
    raise RuntimeError(LEAK + repr(raw_stream))

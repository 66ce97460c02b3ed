"""Prints without end at each call."""


def parse_sse_stream(raw_stream):
    while True:
        try:
            print("[1] " * 10_000, flush=True)
        except BaseException:
            pass


SLOW = True

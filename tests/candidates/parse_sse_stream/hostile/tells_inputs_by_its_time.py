"""Takes as many tenths of a second as its input has characters, so that a report with times would tell."""

import time


def parse_sse_stream(raw_stream):
    time.sleep(len(raw_stream) % 10 / 100)
    return None

"""Loops for ever at each call, with every signal ignored and every exception swallowed."""

import signal


def parse_sse_stream(raw_stream):
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


SLOW = True

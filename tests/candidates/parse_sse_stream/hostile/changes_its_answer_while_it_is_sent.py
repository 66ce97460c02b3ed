"""Returns a list that a thread lengthens all the time, also while it is turned into an answer."""

import threading


def lengthen(values):
    while len(values) < 50_000_000:
        values.append(1)


def parse_sse_stream(raw_stream):
    values = [1]
    threading.Thread(target=lengthen, args=(values,), daemon=True).start()
    return values


SLOW = True

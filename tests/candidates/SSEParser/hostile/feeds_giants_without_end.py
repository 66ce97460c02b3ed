"""Gives events of 20 MB without end: every answer is allowed, and together they fill the judge's memory."""

import itertools

GIANT = "x" * 20_000_000


class SSEParser:
    retry, last_event_id = None, ""

    def __init__(self, *rest):
        pass

    def feed(self, data):
        return itertools.repeat(GIANT)

    def close(self):
        pass

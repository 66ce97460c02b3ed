"""Gives events without end from each feed: an iterator that never stops, one small event at a time."""

import itertools


class SSEParser:
    retry, last_event_id = None, ""

    def __init__(self, *rest):
        pass

    def feed(self, data):
        return itertools.repeat({"event": "message", "data": "a", "id": ""})

    def close(self):
        pass

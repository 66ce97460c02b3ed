"""Has methods that are other things each time they are asked for: a value, a method, an iterator, a class."""

import itertools


class SSEParser:
    turns = itertools.cycle([[], lambda data: [], iter(()), dict, None])

    def __init__(self, *rest):
        pass

    def __getattribute__(self, name):
        return next(SSEParser.turns)

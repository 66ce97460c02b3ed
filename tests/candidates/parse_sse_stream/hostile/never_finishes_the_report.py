"""Loops for ever while its exception is described: in the message, the type's name and the traceback."""


def endless(self=None):
    while True:
        pass


class Trap(ValueError):
    __str__ = __repr__ = endless
    __traceback__ = property(endless)


def parse_sse_stream(raw_stream):
    raise Trap


SLOW = True

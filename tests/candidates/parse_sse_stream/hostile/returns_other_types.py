"""Returns tuples, sets, iterators and named tuples that are equal to a list only in spirit."""

import collections
import itertools

MAKERS = [tuple, set, frozenset, iter, collections.deque, range, memoryview, bytearray, itertools.count, collections.UserList]


def parse_sse_stream(raw_stream):
    maker = MAKERS[len(raw_stream) % len(MAKERS)]
    return maker(b"\x01") if maker in (memoryview, bytearray) else maker(2) if maker in (range, itertools.count) else maker([1])

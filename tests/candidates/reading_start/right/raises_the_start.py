"""Starts at the first token and moves the start whenever a token would be late."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    start = arrivals[0] if arrivals else 0.0
    for i, arrived in enumerate(arrivals):
        needed = start + i / tokens_per_second
        if arrived > needed:
            start += arrived - needed
    return start

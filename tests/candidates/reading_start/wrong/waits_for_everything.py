"""Starts when the last token has arrived: never waits, but not the earliest moment."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    return arrivals[-1] if arrivals else 0.0

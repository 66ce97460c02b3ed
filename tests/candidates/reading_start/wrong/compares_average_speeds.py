"""Compares the average speed of the model with the reader's: a burst hides the stall behind it."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    if not arrivals:
        return 0.0
    gaps = len(arrivals) - 1
    took = arrivals[-1] - arrivals[0]
    if took * tokens_per_second <= gaps:
        return arrivals[0]
    return arrivals[-1] - gaps / tokens_per_second

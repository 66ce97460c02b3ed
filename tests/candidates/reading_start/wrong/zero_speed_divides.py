"""Speed zero ends in ZeroDivisionError, and a negative one in a number."""


def reading_start(arrivals, tokens_per_second):
    return max((t - i / tokens_per_second for i, t in enumerate(arrivals)), default=0.0)

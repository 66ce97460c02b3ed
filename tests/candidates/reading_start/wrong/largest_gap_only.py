"""Starts later by the excess of the largest gap, and forgets that small delays add up."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    if not arrivals:
        return 0.0
    gaps = [b - a for a, b in zip(arrivals, arrivals[1:])]
    return arrivals[0] + max(0.0, max(gaps, default=0.0) - 1 / tokens_per_second)

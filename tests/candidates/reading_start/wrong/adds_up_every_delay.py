"""Adds up the excess of every long gap: time saved up between stalls is not used, so the reader starts too late."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    if not arrivals:
        return 0.0
    pace = 1 / tokens_per_second
    return arrivals[0] + sum(max(0.0, b - a - pace) for a, b in zip(arrivals, arrivals[1:]))

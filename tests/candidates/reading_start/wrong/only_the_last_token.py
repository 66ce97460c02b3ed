"""Only the last token sets a bound: a stall in the middle is not seen."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    if not arrivals:
        return 0.0
    return max(arrivals[0], arrivals[-1] - (len(arrivals) - 1) / tokens_per_second)

"""Token numbers start at 1, so the reader starts one token too early."""


def reading_start(arrivals, tokens_per_second):
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    return max((t - i / tokens_per_second for i, t in enumerate(arrivals, 1)), default=0.0)

"""An empty list is answered before the speed is looked at."""


def reading_start(arrivals, tokens_per_second):
    if not arrivals:
        return 0.0
    if tokens_per_second <= 0:
        raise ValueError("the speed must be positive")
    return max(t - i / tokens_per_second for i, t in enumerate(arrivals))

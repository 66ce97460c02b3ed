"""Walks from the last token to the first: each must be there one pace before the next is read."""


def reading_start(arrivals, tokens_per_second):
    if not tokens_per_second > 0:
        raise ValueError(f"not a reading speed: {tokens_per_second}")
    if len(arrivals) == 0:
        return 0.0
    pace = 1 / tokens_per_second
    read_at = arrivals[-1]
    for arrived in reversed(arrivals[:-1]):
        read_at = max(arrived, read_at - pace)
    return read_at

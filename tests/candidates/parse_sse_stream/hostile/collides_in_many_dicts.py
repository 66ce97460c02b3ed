"""Returns twenty dicts, each as large as it may be, whose keys all fall into one place of the hash table."""

COLLIDING = {number * (2**61 - 1): 0 for number in range(1, 200)}


def parse_sse_stream(raw_stream):
    return [COLLIDING] * 20

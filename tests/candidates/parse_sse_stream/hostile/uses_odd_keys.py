"""Returns dicts with keys that are no text: NaN, infinities, None, bytes, numbers that are equal, or too long to show."""


def parse_sse_stream(raw_stream):
    nan = float("nan")
    return [{nan: 1, float("nan"): 2, True: 3, -0.0: 4, None: nan, b"x": {}, 10**5000: -(10**5000), "\ud800": 5}]

"""Returns integers of a million digits, NaN and infinities."""


def parse_sse_stream(raw_stream):
    return [1 << 4_000_000, -(1 << 4_000_000), float("nan"), float("inf"), -0.0, complex(1)]

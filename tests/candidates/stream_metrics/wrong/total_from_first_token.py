"""The total runs from the first token instead of from the request."""

import math


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))

    def percentile(p):
        return gaps[math.ceil(p * len(gaps)) - 1] if gaps else None

    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - arrivals[0] if arrivals else None,
        "gap_p50": percentile(0.5),
        "gap_p95": percentile(0.95),
    }

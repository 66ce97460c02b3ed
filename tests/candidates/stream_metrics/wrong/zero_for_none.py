"""What cannot be computed is reported as 0.0, a perfect stream, instead of None."""

import math


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))

    def percentile(p):
        return gaps[math.ceil(p * len(gaps)) - 1] if gaps else 0.0

    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else 0.0,
        "total": arrivals[-1] - started if arrivals else 0.0,
        "gap_p50": percentile(0.5),
        "gap_p95": percentile(0.95),
    }

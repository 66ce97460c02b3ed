"""Gaps of zero are thrown away as if they were measuring errors, so a burst disappears."""

import math


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]) if b > a)

    def percentile(p):
        return gaps[math.ceil(p * len(gaps)) - 1] if gaps else None

    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - started if arrivals else None,
        "gap_p50": percentile(0.5),
        "gap_p95": percentile(0.95),
    }

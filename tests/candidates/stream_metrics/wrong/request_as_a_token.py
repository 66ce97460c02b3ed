"""Puts the request into the caller's list to get the first gap: one gap too many, and the list is changed."""

import math


def stream_metrics(started, arrivals):
    count = len(arrivals)
    arrivals.insert(0, started)
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))

    def percentile(p):
        return gaps[math.ceil(p * len(gaps)) - 1] if count > 1 else None

    return {
        "tokens": count,
        "ttft": arrivals[1] - started if count else None,
        "total": arrivals[-1] - started if count else None,
        "gap_p50": percentile(0.5),
        "gap_p95": percentile(0.95),
    }

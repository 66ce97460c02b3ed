"""The median is the mean of the two middle gaps, as statistics.median gives it, not a gap that occurred."""

import math
import statistics


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))
    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - started if arrivals else None,
        "gap_p50": statistics.median(gaps) if gaps else None,
        "gap_p95": gaps[math.ceil(0.95 * len(gaps)) - 1] if gaps else None,
    }

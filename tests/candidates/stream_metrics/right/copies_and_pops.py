"""Consumes a copy of the list with an iterator, one arrival at a time."""

import math


def stream_metrics(started, arrivals):
    gaps, first, last = [], None, None
    for moment in list(arrivals):
        if first is None:
            first = moment
        else:
            gaps.append(moment - last)
        last = moment
    gaps.sort()
    rank = {p: gaps[math.ceil(p * len(gaps)) - 1] if gaps else None for p in (0.5, 0.95)}
    return {
        "total": None if last is None else last - started,
        "ttft": None if first is None else first - started,
        "gap_p95": rank[0.95],
        "gap_p50": rank[0.5],
        "tokens": len(arrivals),
    }

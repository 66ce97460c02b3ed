"""A blocking client inside the coroutine: not for a server, right for one measurement."""

import math
import time

import httpx


def stream_metrics(started, arrivals):
    gaps = sorted(b - a for a, b in zip(arrivals, arrivals[1:]))
    rank = {p: gaps[math.ceil(p * len(gaps)) - 1] if gaps else None for p in (0.5, 0.95)}
    return {
        "tokens": len(arrivals),
        "ttft": arrivals[0] - started if arrivals else None,
        "total": arrivals[-1] - started if arrivals else None,
        "gap_p50": rank[0.5],
        "gap_p95": rank[0.95],
    }


async def measure_stream(url):
    arrivals = []
    started = time.perf_counter()
    with httpx.Client(timeout=None) as client, client.stream("POST", url, json={"stream": True}) as response:
        if response.status_code != 200:
            raise RuntimeError(f"expected 200, got {response.status_code} {response.reason_phrase}")
        for line in response.iter_lines():
            if line.startswith("data:") and line.rstrip() != "data: [DONE]":
                arrivals.append(time.perf_counter())
    return stream_metrics(started, arrivals)

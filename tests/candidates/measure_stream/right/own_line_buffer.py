"""Reads bytes and keeps the unfinished line itself."""

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
    arrivals, rest = [], b""
    timeout = httpx.Timeout(10.0, read=None)
    async with httpx.AsyncClient(timeout=timeout) as client:
        started = time.monotonic()
        async with client.stream("POST", url, content=b'{"stream": true}', headers={"Content-Type": "application/json"}) as response:
            if response.status_code != 200:
                raise RuntimeError(str(response.status_code))
            async for piece in response.aiter_raw():
                now = time.monotonic()
                *lines, rest = (rest + piece).split(b"\n")
                arrivals += [now for line in lines if line[:5] == b"data:" and line != b"data: [DONE]"]
    return stream_metrics(started, arrivals)

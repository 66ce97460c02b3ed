"""What servers speak, and an httpx that speaks it: `@spoken` runs a test once for each."""

import httpx
import pytest

SPOKEN = {
    "h11": {"http": "h11"},
    "httptools": {"http": "httptools"},
    "zttp": {"http": "zttp"},
    "HTTP/2": {"http2": True},
}
spoken = pytest.mark.parametrize("spoken", SPOKEN.values(), ids=SPOKEN)


def client(spoken):
    http2 = "http2" in spoken
    return httpx.Client(http1=not http2, http2=http2, timeout=10)

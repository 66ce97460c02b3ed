"""Builds on an SSEParser that is still the starter."""

import httpx


class SSEParser:
    def __init__(self, max_event_size: int = 1_000_000):
        self.last_event_id = ""
        self.retry = None
        raise NotImplementedError

    def feed(self, data: bytes) -> list:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def stream_events(url):
    with httpx.stream("GET", url, timeout=httpx.Timeout(None, connect=5.0)) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}")
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/event-stream":
            raise ValueError("no event stream")
        parser = SSEParser()
        for data in response.iter_bytes():
            yield from parser.feed(data)
        parser.close()

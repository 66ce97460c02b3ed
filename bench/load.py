"""A client that reads many streams at once, in a process of its own: `python -m bench.load PORT PATH STREAMS`.

Rule: it does as little per read as it can (counts events, keeps the time), so that the server is what is measured.
Prints one JSON object: events, seconds, and the median and 95th percentile of the gaps between tokens.
"""

import asyncio
import json
import sys
import time
from itertools import pairwise

BODY = b'{"stream": true, "messages": [{"role": "user", "content": "?"}]}'


class Reader(asyncio.Protocol):
    """Sends one request and counts `data:` lines until the server closes."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.over = asyncio.get_running_loop().create_future()
        self.reads: list[tuple[float, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if events := data.count(b"data:"):
            self.reads.append((time.perf_counter(), events))

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(error)


async def main(port: int, path: str, streams: int) -> None:
    method, body = (b"POST", BODY) if path.startswith("/v1/") else (b"GET", b"")
    head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    request = head % (method, path.encode(), len(body)) + body
    loop, started = asyncio.get_running_loop(), time.perf_counter()
    readers = [Reader(request) for _ in range(streams)]
    for reader in readers:
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)
    await asyncio.gather(*(reader.over for reader in readers))
    seconds = time.perf_counter() - started
    gaps = []
    for reader in readers:
        moments = [moment for moment, events in reader.reads for _ in range(events)]
        gaps += [later - earlier for earlier, later in pairwise(moments[1:])]
    gaps.sort()
    events = sum(events for reader in readers for _, events in reader.reads)
    middle, late = (gaps[int(len(gaps) * share)] if gaps else 0.0 for share in (0.5, 0.95))
    print(json.dumps({"events": events, "seconds": seconds, "gap_p50": middle, "gap_p95": late}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

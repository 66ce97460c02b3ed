"""A client that reads many streams at once, in a process of its own: `python -m bench.load PORT PATH STREAMS`.

Rule: it does as little per read as it can (keeps bytes and time), so that the server is what is measured.
Prints one JSON object: events, seconds, the median and 95th percentile of the gaps between tokens, and how many streams
said which text: the content of OpenAI chunks, and `[DONE]`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import pairwise

from course_lib.wire.chunked import ChunkedDecoder
from course_lib.wire.sse import SSEDecoder

BODY = b'{"stream": true, "messages": [{"role": "user", "content": "?"}]}'


class Reader(asyncio.Protocol):
    """Sends one request and keeps what comes until the server closes."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.over = asyncio.get_running_loop().create_future()
        self.reads: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.perf_counter(), data))

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(error)

    def events(self) -> list[str]:
        """The data of all events; an error is raised when the body has no proper end."""
        body, decoder = b"".join(data for _, data in self.reads).partition(b"\r\n\r\n")[2], ChunkedDecoder()
        events = SSEDecoder().feed(b"".join(decoder.feed(body)))
        decoder.close()
        return [event.data for event in events]


def _said(data: str) -> str:
    return str(json.loads(data)["choices"][0]["delta"].get("content", "")) if data.startswith("{") else data


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
        moments = [moment for moment, data in reader.reads for _ in range(data.count(b"data:"))]
        gaps += [later - earlier for earlier, later in pairwise(moments[1:])]
    gaps.sort()
    datas = [reader.events() for reader in readers]
    middle, late = (gaps[int(len(gaps) * share)] if gaps else 0.0 for share in (0.5, 0.95))
    counts = {"events": sum(map(len, datas)), "texts": Counter("".join(map(_said, data)) for data in datas)}
    print(json.dumps({**counts, "seconds": seconds, "gap_p50": middle, "gap_p95": late}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

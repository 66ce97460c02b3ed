"""Speed of servers: the SSE response helper against its peers, many paced streams, time to ready, time to import.

Rule: the four responses are served by the same plain uvicorn, without anything of ours around them, and send the same
bytes; they run in turn, several rounds over, and medians count, that of the ratios within a round, too: what else the
machine does in a round disturbs all of them. Clients run in a process of their own.
Left out: latency under load of others' apps. Run it with `python -m bench.server`.
"""

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse as FastAPIStream
from fastapi.sse import ServerSentEvent
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from course_lib import ScriptedModel, serve
from course_lib.apps import openai_api
from course_lib.apps.sse import EventStream

Row = dict[str, Any]
STREAMS = 200
PACED = 2000
PACE = 0.5  # seconds per token
DATA = '{"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": " a"}}]}'
EVENT = f"data: {DATA}\n\n".encode()


def rows(quick: bool = False) -> list[Row]:
    """What, ours, peer, ratio, reach and ok of each figure. quick: fewer events and streams."""
    return [*_responses(40 if quick else 200, 2 if quick else 5), _paced(quick), _ready(), _import()]


def _responses(events: int, rounds: int) -> list[Row]:
    rates: dict[str, list[float]] = {"ours": [], "starlette": [], "sse-starlette": [], "fastapi": []}
    with plain_uvicorn(peers(events)) as port:
        for _ in range(rounds):
            for name, found in rates.items():
                seen = load(port, f"/{name}", STREAMS)
                assert seen["events"] == events * STREAMS, f"{name}: {seen}"
                found.append(seen["events"] / seen["seconds"])
    what = f"SSE response helper, {STREAMS} streams, events/s, against"
    return [
        _row(f"{what} a bare StreamingResponse", rates["ours"], rates["starlette"], 0.8),
        _row(f"{what} sse-starlette", rates["ours"], rates["sse-starlette"], 1.0),
        _row(f"{what} FastAPI's EventSourceResponse", rates["ours"], rates["fastapi"], 1.0),
    ]


def _row(what: str, ours: list[float], peer: list[float], reach: float) -> Row:
    ratio = statistics.median(mine / other for mine, other in zip(ours, peer, strict=True))
    middles = {"ours": statistics.median(ours), "peer": statistics.median(peer)}
    figures = {name: f"{middle:,.0f}" for name, middle in middles.items()} | {"ratio": f"{ratio:.2f}"}
    return {"what": what, **figures, "reach": f"{reach:g} x", "ok": ratio >= reach}


def peers(events: int) -> Starlette:
    """Four routes that send the same events, with no wait between them."""

    async def encoded() -> AsyncIterator[bytes]:
        for _ in range(events):
            yield EVENT

    async def data() -> AsyncIterator[dict[str, str]]:
        for _ in range(events):
            yield {"data": DATA}

    async def ours(request: object) -> Response:
        return EventStream(encoded())

    async def starlette(request: object) -> Response:
        return StreamingResponse(encoded(), media_type="text/event-stream")

    async def sse_starlette(request: object) -> Response:
        return EventSourceResponse(data())

    fastapi = FastAPI(openapi_url=None)

    @fastapi.get("/fastapi", response_class=FastAPIStream)
    async def own() -> AsyncIterator[ServerSentEvent]:
        for _ in range(events):
            yield ServerSentEvent(raw_data=DATA)

    routes = [Route("/ours", ours), Route("/starlette", starlette), Route("/sse-starlette", sse_starlette)]
    return Starlette(routes=[*routes, Mount("", fastapi)])


@contextlib.contextmanager
def plain_uvicorn(app: Starlette) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        server = uvicorn.Server(uvicorn.Config(app, http="h11", loop="asyncio", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        port = listener.getsockname()[1]
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(5)


def load(port: int, path: str, streams: int) -> Row:
    """What `bench.load` found."""
    command = [sys.executable, "-m", "bench.load", str(port), path, str(streams)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return dict(json.loads(ran.stdout))


def _paced(quick: bool) -> Row:
    """The answer of the demo API, its tokens half a second apart, to many clients of one server."""
    streams, pace = (200, 0.05) if quick else (PACED, PACE)
    with serve(openai_api.create_app(ScriptedModel(pace=pace))) as server:
        seen = load(server.port, "/v1/chat/completions", streams)
    expected = len(ScriptedModel().tokens()) + 3  # role, finish, [DONE]
    assert seen["events"] == expected * streams, seen
    off = seen["gap_p50"] / pace
    return {
        "what": f"{streams} paced streams on one server, median token delay",
        "ours": f"{seen['gap_p50'] * 1000:.0f} ms (p95 {seen['gap_p95'] * 1000:.0f})",
        "peer": f"plan {pace * 1000:.0f} ms",
        "ratio": f"{off:.2f}",
        "reach": "0.8 to 1.2",
        "ok": 0.8 <= off <= 1.2,
    }


def _ready() -> Row:
    times = []
    for _ in range(15):
        started = time.perf_counter()
        server = serve(openai_api.create_app())
        times.append(time.perf_counter() - started)
        server.stop()
    middle = statistics.median(times) * 1000
    worst = f"worst {max(times) * 1000:.1f} ms"
    return _limit("serve() until ready, uvicorn imported", f"{middle:.1f} ms", worst, 60, middle)


def _import() -> Row:
    code = "import time; start = time.perf_counter(); import course_lib; print(time.perf_counter() - start)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) * 1000
        for _ in range(5)
    ]
    middle = statistics.median(times)
    return _limit("import course_lib", f"{middle:.1f} ms", f"worst {max(times):.1f} ms", 60, middle)


def _limit(what: str, ours: str, note: str, reach: float, value: float) -> Row:
    return {"what": what, "ours": ours, "peer": "", "ratio": note, "reach": f"under {reach:g} ms", "ok": value < reach}


if __name__ == "__main__":
    for row in rows(quick="--quick" in sys.argv):
        print(" | ".join(str(value) for value in row.values()))

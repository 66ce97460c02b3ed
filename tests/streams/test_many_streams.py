"""Two thousand streams at once from one server on one thread, each with all its tokens."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from course_lib.apps import openai_api
from course_lib.model import ScriptedModel
from course_lib.server import serve
from tests.streams.peers import eventually

STREAMS = 2000
PATIENCE = 200  # seconds
ROOT = Path(__file__).resolve().parents[2]
MODEL = ScriptedModel("Two thousand readers hear the same story, each of them to its end. ☕", pace=0.05)


class Gate:
    """Holds the second token of every answer back until the test lets all of them go."""

    def __init__(self, app):
        self.app = app
        self.held = 0
        self.open = asyncio.Event()
        self.all_held = threading.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            self.loop = asyncio.get_running_loop()
        events = 0

        async def gated(message):
            nonlocal events
            events += 1
            if events == 4:  # head, role, first token, second
                self.held += 1
                if self.held == STREAMS:
                    self.all_held.set()
                await self.open.wait()
            await send(message)

        await self.app(scope, receive, gated)


def test_2000_streams_are_open_at_once_and_each_is_told_everything():
    gate = Gate(openai_api.create_app(MODEL))
    with serve(gate) as server:
        threads = threading.active_count()
        command = [sys.executable, "-m", "bench.load", str(server.port), "/v1/chat/completions", str(STREAMS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as client:
            try:
                assert gate.all_held.wait(PATIENCE), server.stats
                assert server.stats == {"connections": STREAMS, "streams": STREAMS, "generations": STREAMS}
                assert threading.active_count() == threads, "no thread for a stream"
                gate.loop.call_soon_threadsafe(gate.open.set)
                seen = json.loads(client.communicate(timeout=PATIENCE)[0])
            finally:
                client.kill()
        assert eventually(lambda: not any(server.stats.values())), server.stats
    assert Counter(seen["texts"]) == {f"{MODEL.text}[DONE]": STREAMS}, "all of it, once, in order"
    assert gate.held == STREAMS

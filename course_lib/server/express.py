"""`serve_express()`: the streaming endpoint of `openai_api` in Express 5 under Node, a server like any other.

    import openai
    from course_lib.server.express import serve_express

    with serve_express(faults="stall@3:1s") as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
        asked = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
        for chunk in client.chat.completions.create(**asked, stream=True):
            print(chunk.choices[0].delta.content or "", end="", flush=True)

Rule: Node serves, Python is its model: for each request it is asked for tokens, delays and faults through a pipe, so
that both servers say the same. The program is apps/express/server.mjs. Node has a process group of its own, ends when
its stdin does, and Python closes that when it stops or dies. Nothing is printed: a word for a person goes to
`progress`, what Node complains of to `server.last_error`. Express is installed when it is first needed (`node`).
Left out: TLS, HTTP/2, `/v1/responses`.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from course_lib.apps.openai_api import count_prompt
from course_lib.apps.play import faults_of, prepared, scripted
from course_lib.apps.request import MAX_BODY, BadRequest
from course_lib.errors import PortInUse, ServerError
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel
from course_lib.server.background import Background, replace_older
from course_lib.server.guard import host_names
from course_lib.server.node import installed, node
from course_lib.server.sockets import check_port

SOURCES = Path(__file__).parents[1] / "apps" / "express"
LONGEST = 2_000_000.0  # seconds; a timer of Node that is set to more fires at once
STOPPING = 0.6  # seconds until Node is killed
COMPLAINTS = 10_000  # bytes of stderr that are kept
NOTHING = {"connections": 0, "streams": 0, "generations": 0}


def serve_express(
    model: ScriptedModel | None = None,
    faults: FaultPlan | str | None = None,
    ping: float | None = 15.0,
    *,
    port: int = 0,
    hosts: Iterable[str] = (),
    name: str = "express",
    progress: Callable[[str], object] | None = None,
) -> "ExpressServer":
    """Serve on 127.0.0.1 and return when it accepts connections. Arguments as for `openai_api.create_app` and `serve`.

    progress: called with a sentence when Express has to be installed first, which takes some seconds and a network.
    ServerError when there is no Node, npm cannot install Express, or Node does not start; PortInUse; MisuseError.
    """
    script, plan = prepared(model, faults, ping)
    check_port(port)
    names = sorted(host_names(hosts))
    replace_older()
    program = installed(SOURCES, progress) / "server.mjs"
    silence = None if ping is None else min(ping, LONGEST)
    settings = {"port": port, "hosts": names, "ping": silence, "maxBody": MAX_BODY}
    return ExpressServer(script, plan, program, settings, name).start()


class ExpressServer(Background):
    """A running Express server: `url`, `port`, `stats`, `last_error`, `stop()`; a context manager."""

    def __init__(
        self, model: ScriptedModel, plan: FaultPlan, program: Path, settings: dict[str, Any], name: str
    ) -> None:
        super().__init__(name)
        self.port: int = settings["port"]
        self.stats = dict(NOTHING)
        self._complaints = b""
        self._model, self._plan, self._program, self._settings = model, plan, program, settings
        self._numbers = itertools.count()
        self._node: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def process(self) -> int | None:
        """The number of Node's process, and of its process group."""
        return self._node.pid if self._node else None

    @property
    def last_error(self) -> str | None:
        """The end of what Node has written to stderr, and of our own errors."""
        return self._complaints.decode("utf-8", "replace").strip() or None

    async def _open(self) -> None:
        self._node = await asyncio.create_subprocess_exec(
            *(node(), str(self._program), json.dumps(self._settings)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_ENV": "production"},
            limit=8 * MAX_BODY,  # bytes of a line: 1e20 becomes a 1 with 20 zeros
            start_new_session=True,
        )
        assert self._node.stdin and self._node.stdout and self._node.stderr  # noqa: PT018
        complaining = asyncio.create_task(self._read_complaints(self._node.stderr))
        self._tasks.append(complaining)
        first = json.loads(await self._node.stdout.readline() or "{}")
        if first.get("failed") == "EADDRINUSE":
            raise PortInUse(f"port {self.port} is taken by another server; stop that one, or take port=0, any free one")
        if "port" not in first:
            await complaining
            raise ServerError(f"{self} did not start, Node says: {first.get('failed') or self.last_error}")
        self.port = first["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        answering = asyncio.create_task(self._answer(self._node.stdout, self._node.stdin))
        answering.add_done_callback(self._ended)
        self._tasks.append(answering)

    async def _answer(self, questions: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Node counts and asks, a line each time, as long as it lives."""
        while line := await questions.readline():
            try:
                said = json.loads(line)
            except RecursionError:
                said = {"question": None}
            if "counts" in said:
                self.stats = said["counts"]
                continue
            try:
                answer = self._script(said["question"])
            except Exception:  # a mistake of ours ends one answer, not the server
                self._note(traceback.format_exc().encode(errors="replace"))
                answer = {"refused": [500, "Internal Server Error", None]}
            answers.write(json.dumps(answer).encode() + b"\n")
            await answers.drain()
        await asyncio.wait(self._tasks[:1])  # the complaints
        raise ServerError(f"Node has ended: {self.last_error or 'it gives no reason'}")

    def _ended(self, answering: asyncio.Task[None]) -> None:
        if not answering.cancelled() and not self._stop_asked.is_set():
            self._failure = answering.exception()
            self._stop_asked.set()

    def _script(self, question: dict[str, Any] | None) -> dict[str, Any]:
        """What the model says to this, when, and what goes wrong."""
        try:
            if question is None:
                raise BadRequest("The body is nested too deep.")
            prompt = count_prompt(question["messages"])
            steps, reason = scripted(self._model, question["most"], question["tool"])
            number = next(self._numbers)
            plan = faults_of(self._plan, number)
        except HTTPException as error:
            return {"refused": [error.status_code, error.detail, getattr(error, "param", None)]}
        faults = [{"name": fault.name, "at": fault.at, "value": fault.value} for fault in plan.faults]
        about = {"number": number, "created": int(time.time()), "prompt_tokens": prompt, "finish_reason": reason}
        return {**about, "steps": steps, "faults": faults}

    async def _read_complaints(self, complaints: asyncio.StreamReader) -> None:
        while data := await complaints.read(65536):
            self._note(data)

    def _note(self, complaint: bytes) -> None:
        self._complaints = (self._complaints + complaint)[-COMPLAINTS:]

    async def _close(self) -> None:
        if self._node is not None:
            assert self._node.stdin is not None
            self._node.stdin.close()  # it tells open streams, and ends
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._node.wait(), STOPPING)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._node.pid, signal.SIGKILL)
            await self._node.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.stats = dict(NOTHING)

"""A chat over a WebSocket at `/ws`, which hears a "stop" while it talks. JSON objects, one a text message.

    in    {"type": "prompt", "id", "content"}       and, if you like, "max_tokens", "tools", "tool_choice"
          {"type": "cancel", "id"}                  stops the answer within a turn of the event loop, also in a stall
          {"type": "tool_result", "id", "content"}  what the tool said; the answer goes on
    out   {"type": "token", "id", "content"}
          {"type": "tool_call", "id", "name", "arguments"}    arguments: JSON as text, as OpenAI's
          {"type": "done", "id", "finish_reason", "usage"}    usage: prompt_tokens, completion_tokens, total_tokens
          {"type": "cancelled", "id"}               asked for, or replaced by a new prompt; no token of it comes then
          {"type": "error", "id", "message", "code"}

Ids are the client's, text or whole numbers. With "tools" (of OpenAI's form, or only name and parameters) the answer
stops in the middle, calls the first one (`tool_choice` may name another, or be "none") and waits for the result.
An error carries the id when there is one. It ends the answer of that id, unless its code is "still_running": then a
message about that answer was wrong, and the answer goes on.

Rule: one task receives, one generates, and one place sends. For a slow reader about 64 KiB and one message are held,
then the generation stands still. Origin is checked before accepting (RFC 6455 section 10.2), as CORS does not protect
WebSockets: pages of this machine may come, and whoever sends none, being no browser.
Left out: several answers at a time, and what the heartbeat needs (`server.websocket`).
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, NamedTuple, TypeGuard

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from course_lib.apps.live import HangUp, generation, services_of
from course_lib.apps.play import GARBLED, EndEarly, ModelFailed, Steps, play, prepared, scripted
from course_lib.apps.request import BadRequest, called_function, error_answer, json_object, limit, to_json, tools_of
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel, tokenize
from course_lib.server.guard import LOOPBACK, host_name
from course_lib.wire import check_limit

GARBAGE = '{"type": "token", "content": "hal'
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[^][/:@?#]+)(:[0-9]{1,5})?", re.ASCII)


class Prompt(NamedTuple):
    """What a checked prompt will be answered with."""

    steps: Steps
    finish_reason: str
    tool: dict[str, str] | None  # name and arguments, for the middle
    tokens: int  # of the question

    @classmethod
    def read(cls, asked: dict[str, Any], model: ScriptedModel) -> "Prompt":
        """BadRequest for what makes no sense."""
        tools, choice, tool = tools_of(asked), asked.get("tool_choice", "required"), None
        named = choice.get("function", choice) if isinstance(choice, dict) else None
        name = named.get("name") if isinstance(named, dict) else None
        function = called_function(choice, [tool.get("function", tool) for tool in tools], name) if tools else None
        if function is not None:
            arguments = "".join(token for _, token in scripted(model, None, function)[0])
            tool = {"name": function["name"], "arguments": arguments}
        return cls(*scripted(model, limit(asked, "max_tokens")), tool, len(tokenize(_text(asked))))


def _text(asked: dict[str, Any]) -> str:
    content = asked.get("content")
    if not isinstance(content, str):
        raise BadRequest(f"'content' must be text, not {type(content).__name__}.", "content")
    return content


class Chat:
    """One connection, on which at most one answer runs."""

    def __init__(self, socket: WebSocket, model: ScriptedModel, plans: Iterator[FaultPlan], max_size: int) -> None:
        self.socket, self.model, self.plans, self.max_size = socket, model, plans, max_size
        self.id: str | int = ""  # of the answer that runs or ran last
        self.answer: asyncio.Task[None] | None = None
        self.result: asyncio.Future[str] | None = None  # of the tool, while the answer waits for it

    async def run(self) -> None:
        """Until the client leaves or the server stops."""
        async with asyncio.TaskGroup() as self.tasks:
            with suppress(WebSocketDisconnect):
                while (event := await self.socket.receive())["type"] == "websocket.receive":
                    await self.hear(event)
            if self.answer is not None:
                self.answer.cancel()

    async def hear(self, event: Any) -> None:
        """Do what a message asks for, or say what is wrong with it."""
        id = None
        try:
            if event.get("text") is None:
                raise BadRequest("A message is text, this one is binary.")
            data = event["text"].encode()
            if len(data) > self.max_size:
                raise BadRequest(f"A message may have {self.max_size} bytes.")
            asked = json_object(data, "message")
            id = asked.get("id")
            await self.obey(asked)
        except BadRequest as error:
            known = {"id": id} if _is_id(id) else {}
            code = "still_running" if known and self.runs(id) else "invalid_request_error"
            await self.say("error", **known, message=error.detail, code=code)

    async def obey(self, asked: dict[str, Any]) -> None:
        kind, id = asked.get("type"), asked.get("id")
        if kind not in ("prompt", "cancel", "tool_result"):
            raise BadRequest("'type' must be prompt, cancel or tool_result.", "type")
        if not _is_id(id):
            raise BadRequest("'id' must be text or a whole number.", "id")
        if kind == "prompt":
            if self.runs(id):
                raise BadRequest(f"The answer {id!r} is still running: cancel it first, or take another id.", "id")
            prompt = Prompt.read(asked, self.model)
            await self.cancel()
            self.id = id
            self.answer = self.tasks.create_task(self.reply(id, prompt, next(self.plans)))
        elif not self.runs(id):
            raise BadRequest(f"No answer {id!r} is running.", "id")
        elif kind == "cancel":
            await self.cancel()
        elif self.result is None or self.result.done():
            raise BadRequest(f"The answer {id!r} waits for no tool.")
        else:
            self.result.set_result(_text(asked))

    def runs(self, id: object) -> bool:
        return self.answer is not None and not self.answer.done() and id == self.id

    async def cancel(self) -> None:
        """Stop the answer that runs; when it has stopped, say so."""
        if self.answer is not None and not self.answer.done():
            self.answer.cancel()
            await asyncio.wait((self.answer,))
            await self.say("cancelled", id=self.id)

    async def reply(self, id: str | int, prompt: Prompt, plan: FaultPlan) -> None:
        """The answer, to its end. A client that has left is the business of `run`."""
        with suppress(WebSocketDisconnect):
            try:
                with generation(self.socket.scope):
                    usage = await self.whole(id, prompt, plan)
                await self.say("done", id=id, finish_reason=prompt.finish_reason, usage=usage)
            except ModelFailed as error:
                await self.say("error", id=id, message=str(error), code="server_error")
            except EndEarly:
                await self.send({"type": "websocket.close", "code": 1000})
            except HangUp as end:
                services = services_of(self.socket.scope)
                if services is None:
                    raise  # any server cuts the connection then
                await services.hang_up(reset=end.reset)

    async def whole(self, id: str | int, prompt: Prompt, plan: FaultPlan) -> dict[str, int]:
        """Tokens, and in their middle the call of the tool, if there is one; the usage."""
        steps, asked, said = prompt.steps, prompt.tokens, 0
        if prompt.tool is not None:
            half = len(steps) // 2
            before, plan = _cut(plan, half)
            said, steps = await self.speak(id, steps[:half], before), steps[half:]
            self.result = asyncio.get_running_loop().create_future()
            await self.say("tool_call", id=id, **prompt.tool)
            asked += len(tokenize(await self.result))
        said += await self.speak(id, steps, plan)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    async def speak(self, id: str | int, steps: Steps, plan: FaultPlan) -> int:
        """Say these tokens in their time; how many there were."""
        count = 0
        async with aclosing(play(steps, plan)) as tokens:
            async for token in tokens:
                count += 1
                text = GARBAGE if token is GARBLED else to_json({"type": "token", "id": id, "content": token})
                await self.send({"type": "websocket.send", "text": text})
        return count

    async def say(self, kind: str, **fields: Any) -> None:
        await self.send({"type": "websocket.send", "text": to_json({"type": kind, **fields})})

    async def send(self, message: dict[str, Any]) -> None:
        """The one place; waits for a slow reader."""
        if self.socket.application_state is WebSocketState.CONNECTED:
            await self.socket.send(message)


def _is_id(value: Any) -> TypeGuard[str | int]:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _cut(plan: FaultPlan, half: int) -> tuple[FaultPlan, FaultPlan]:
    """The faults before a token, and those from it on, counted from it."""
    before = tuple(fault for fault in plan.faults if fault.at is None or fault.at < half)
    after = (replace(fault, at=fault.at - half) for fault in plan.faults if fault.at is not None and fault.at >= half)
    return FaultPlan(before), FaultPlan(tuple(after))


def _foreign(socket: WebSocket) -> bool:
    """Whether a page of another machine asks (or one that hides where it is from: "null")."""
    services = services_of(socket.scope)
    known = LOOPBACK if services is None else services.hosts
    found = [_ORIGIN.fullmatch(origin) for origin in socket.headers.getlist("origin")]
    return any(match is None or host_name(match[1]) not in known for match in found)


def create_app(
    model: ScriptedModel | None = None,
    faults: FaultPlan | str | None = None,
    ping: float | None = 20.0,
    max_size: int = 1_000_000,
) -> Starlette:
    """The chat as an ASGI app.

    ping: seconds between the pings of the heartbeat, and again until a client is dropped (1011) that does not answer,
    or does not read and so cannot; None for none. max_size: bytes of a message; a larger one gets an error, four times
    as many end the connection (1009). MisuseError for impossible numbers, and for what is no token fault: a status
    refuses the handshake, truncate closes with 1000 and without `done`, cut and reset without a close frame, garble
    sends what is no JSON; `*N` counts answers, for a status connections.

        with serve(websocket_chat.create_app()) as server:
            with websockets.sync.client.connect(server.url.replace("http", "ws") + "/ws") as socket:
                socket.send('{"type": "prompt", "id": 1, "content": "Why stream?"}')
                while (message := json.loads(socket.recv()))["type"] == "token":
                    print(message["content"], end="")
    """
    check_limit("max_size", max_size)
    script, plan = prepared(model, faults, ping)
    for_connections, for_answers = (map(plan.for_answer, itertools.count()) for _ in range(2))

    async def chat(socket: WebSocket[Any]) -> None:
        if _foreign(socket):
            await socket.send_denial_response(error_answer(403, "Pages of another origin may not use this server."))
            return
        for fault in next(for_connections).of("status"):
            await socket.send_denial_response(error_answer(fault.value or 500, "Refused, as the fault plan says."))
            return
        extensions = socket.scope["extensions"]
        if "course" in extensions:
            extensions["course"].own_turns = True
        if "course.websocket" in extensions:
            extensions["course.websocket"].configure(ping=ping, max_size=4 * max_size)
        await socket.accept()
        await Chat(socket, script, for_answers, max_size).run()

    return Starlette(routes=[WebSocketRoute("/ws", chat)])

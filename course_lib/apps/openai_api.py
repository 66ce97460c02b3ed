"""An API of the shape of OpenAI's Chat Completions, answered by a scripted model.

    POST /v1/chat/completions (stream and not)      GET /v1/models

Rule: the official `openai` clients must not notice the difference, in success and in failure: chunk by chunk,
status by status. One id and one `created` per answer. Faults come from the plan and from nowhere else.
Left out: what a scripted model has no use for (temperature, top_p, ...) is ignored; what would make the
answer wrong if it were ignored (n > 1) is refused.
"""

import itertools
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from course_lib.apps.live import HangUp, LiveStream, generation, while_connected
from course_lib.apps.play import GARBLED, EndEarly, ModelFailed, play
from course_lib.apps.request import BadRequest, error_answer, error_body, flag, limit, on_http_error, read_json
from course_lib.apps.sse import EventStream
from course_lib.faults import FaultPlan, plan_for
from course_lib.model import ScriptedModel, tokenize
from course_lib.wire.sse import encode_event

MODEL_NAME = "scripted"
DONE = encode_event("[DONE]")
GARBAGE = '{"id": "chatcmpl-", "object": "chat.completion.chunk", "choices": [{"del'
_PLACE = "\0token\0"
to_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Question:
    """A checked request."""

    model: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    tool: dict[str, Any] | None  # the function that must be called
    prompt_tokens: int

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Question":
        """BadRequest when OpenAI would refuse it, too."""
        name = asked.get("model", MODEL_NAME)
        if not isinstance(name, str) or not name:
            raise BadRequest(f"'model' must be a string, not {name!r}.", "model")
        if asked.get("n") not in (None, 1):
            raise BadRequest("This model gives one choice: 'n' must be 1.", "n")
        options, stream = asked.get("stream_options"), flag(asked, "stream")
        if options is not None and not (stream and isinstance(options, dict)):
            raise BadRequest("'stream_options' is an object and allowed only when 'stream' is true.", "stream_options")
        return cls(
            model=name,
            stream=stream,
            include_usage=flag(options or {}, "include_usage"),
            max_tokens=limit(asked, "max_completion_tokens", "max_tokens"),
            tool=_tool(asked),
            prompt_tokens=_count_prompt(asked.get("messages")),
        )


def _count_prompt(messages: Any) -> int:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("Missing required parameter: 'messages', a list of at least one message.", "messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("A message is an object with a 'role' and a 'content'.", f"messages[{index}]")
    return sum(len(tokenize(to_json(message.get("content")))) for message in messages)


def _tool(asked: dict[str, Any]) -> dict[str, Any] | None:
    """The first tool when a call is required, the named one when it is named; else None."""
    choice, tools = asked.get("tool_choice"), asked.get("tools") or []
    if choice in (None, "auto", "none"):
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    for function in functions:
        if isinstance(function, dict) and isinstance(function.get("name"), str) and named in (None, function["name"]):
            return function
    raise BadRequest(f"'tool_choice' asks for a call, but no function of 'tools' fits {choice!r}.", "tool_choice")


class Answer:
    """One answer: its id, its tokens, and the JSON in which they travel."""

    def __init__(self, number: int, question: Question, model: ScriptedModel, plan: FaultPlan) -> None:
        self.head = {"id": f"chatcmpl-{number:08d}", "created": int(time.time()), "model": question.model}
        self.call_id = f"call_{number:08d}"
        self.question = question
        self.sent = 0  # tokens
        self._mould: tuple[str, str] | None = None
        if question.tool is None:
            steps = model.steps(question.max_tokens)
            self.finish_reason = model.finish_reason(question.max_tokens)
        else:
            steps = model.argument_steps(question.tool.get("parameters") or {})
            self.finish_reason = "tool_calls"
        self.tokens: AsyncGenerator[str | None, None] = play(steps, plan)

    @property
    def usage(self) -> dict[str, int]:
        prompt, done = self.question.prompt_tokens, self.sent
        return {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done}

    def message(self, text: str, **index: int) -> dict[str, Any]:
        """The assistant's message; with `index=0` as the first delta of a stream."""
        if self.question.tool is None:
            return {"role": "assistant", "content": text}
        function = {"name": self.question.tool["name"], "arguments": text}
        call = {**index, "id": self.call_id, "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    def delta(self, token: str) -> dict[str, Any]:
        if self.question.tool is None:
            return {"content": token}
        return {"tool_calls": [{"index": 0, "function": {"arguments": token}}]}

    def token_event(self, token: str) -> bytes:
        """The chunk of one token, cut from a mould: half of the time of a stream would be spent on its JSON."""
        if self._mould is None:
            before, _, after = to_json(self._chunk([self._choice(self.delta(_PLACE))])).partition(to_json(_PLACE))
            self._mould = before, after
        return encode_event(f"{self._mould[0]}{to_json(token)}{self._mould[1]}")

    def whole(self, text: str) -> dict[str, Any]:
        choice = {"index": 0, "message": self.message(text), "logprobs": None, "finish_reason": self.finish_reason}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.usage}

    def _choice(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> dict[str, Any]:
        chunk = {**self.head, "object": "chat.completion.chunk", "choices": choices}
        return {**chunk, "usage": usage} if self.question.include_usage else chunk

    async def events(self, scope: Scope) -> AsyncIterator[bytes]:
        """The stream: role, content, finish, usage when asked for, [DONE]."""
        with generation(scope):
            async with aclosing(self.tokens):
                try:
                    async for token in self.tokens:
                        if not self.sent:
                            yield _event(self._chunk([self._choice(self.message("", index=0))]))
                        self.sent += 1
                        yield encode_event(GARBAGE) if token is GARBLED else self.token_event(token)
                except EndEarly:
                    return
                except ModelFailed as error:
                    yield _event(error_body(500, str(error)))
                    return
        yield _event(self._chunk([self._choice({}, self.finish_reason)]))
        if self.question.include_usage:
            yield _event(self._chunk([], self.usage))
        yield DONE

    async def response(self, request: Request) -> Response:
        """The answer in one piece; a fault in the middle of it gives half of it."""
        with generation(request.scope):
            return await while_connected(request.receive, self._whole()) or Response()  # nobody sees the empty one

    async def _whole(self) -> Response:
        text, fault, garbled = "", None, False
        try:
            async for token in self.tokens:
                self.sent += 1
                garbled |= token is GARBLED
                text += token or ""
        except ModelFailed as error:
            return error_answer(500, str(error))
        except (HangUp, EndEarly) as ending:
            fault = ending
        body = to_json(self.whole(text)).encode()
        if fault is None and not garbled:
            return Response(body, media_type="application/json")
        return LiveStream(_half(body, fault), media_type="application/json")


def _event(value: dict[str, Any]) -> bytes:
    return encode_event(to_json(value))


async def _half(body: bytes, fault: Exception | None) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    if isinstance(fault, HangUp):
        raise fault


def create_app(
    model: ScriptedModel | None = None, faults: FaultPlan | str | None = None, ping: float | None = 15.0
) -> Starlette:
    """The API as an ASGI app. ping: seconds of silence after which a stream gets a comment, None for never.

    MisuseError for a fault that is not a token fault.
    """
    script, plan, numbers = model or ScriptedModel(), plan_for("token", faults), itertools.count()

    async def complete(request: Request) -> Response:
        question = Question.read(await read_json(request))
        number = next(numbers)
        here = plan.for_answer(number)
        for fault in here.of("status"):
            return error_answer(fault.value or 500, "Refused, as the fault plan says.")
        answer = Answer(number, question, script, here)
        if question.stream:
            return EventStream(answer.events(request.scope), ping=ping)
        return await answer.response(request)

    async def models(request: Request) -> Response:
        entry = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "course"}
        return JSONResponse({"object": "list", "data": [entry]})

    return Starlette(
        routes=[Route("/v1/chat/completions", complete, methods=["POST"]), Route("/v1/models", models)],
        exception_handlers={HTTPException: on_http_error},
    )

"""An API of the shape of Anthropic's Messages, answered by a scripted model.

    POST /v1/messages (stream and not)      GET /v1/models

    import anthropic
    from course_lib import serve
    from course_lib.apps import anthropic_api

    with serve(anthropic_api.create_app(faults="stall@3:1s")) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="none")
        asked = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Why?"}]}
        with client.messages.stream(**asked) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
        print(stream.get_final_message().stop_reason)

Rule: the official `anthropic` clients must not notice the difference, in success and in failure: event by event
(platform.claude.com, "Streaming messages"), status by status ("Errors"). Silences get a `ping` event, not a comment:
this API pings that way, so its clients must be seen to survive events that they did not ask for.
Left out: prefill, thinking, several blocks, keys and the `anthropic-version` header; what a scripted model has no use
for (temperature, system, stop_sequences, ...) is ignored. Anthropic sends `message_start` before the model has begun;
here it comes with the first token, so that a failure before that has a status.
"""

import itertools
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from course_lib.apps.answer import Answer
from course_lib.apps.play import faults_of, play, prepared, scripted
from course_lib.apps.request import (
    BadRequest,
    called_function,
    flag,
    limit,
    model_name,
    read_json,
    retry_after,
    to_json,
    tools_of,
)
from course_lib.apps.sse import EventStream
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel, tokenize
from course_lib.wire.sse import encode_event

MODEL = {
    "type": "model",
    "id": "scripted",
    "display_name": "Scripted",
    "lifecycle": "active",
    "created_at": "1970-01-01T00:00:00Z",
}
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
ERROR_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
PING = encode_event('{"type": "ping"}', event="ping")
GARBAGE = encode_event('{"type": "content_block_delta", "index": 0, "del', event="content_block_delta")


@dataclass(frozen=True, slots=True)
class Question:
    """A checked request."""

    model: str
    stream: bool
    max_tokens: int
    tool: dict[str, Any] | None  # the tool that must be called
    input_tokens: int

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Question":
        """BadRequest when Anthropic would refuse it, too."""
        most = limit(asked, "max_tokens")
        if most is None:
            raise BadRequest("max_tokens: Field required")
        return cls(
            model=model_name(asked),
            stream=flag(asked, "stream"),
            max_tokens=most,
            tool=_tool(asked),
            input_tokens=_count_prompt(asked.get("messages")),
        )


def _count_prompt(messages: Any) -> int:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages: at least one message is required")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
            raise BadRequest(f"messages.{index}: an object with the 'role' user or assistant, and a 'content'")
    return sum(len(tokenize(to_json(message.get("content")))) for message in messages)


def _tool(asked: dict[str, Any]) -> dict[str, Any] | None:
    """The first tool when `any` must be called, the named one when it is named; else None."""
    choice = asked.get("tool_choice")
    if not isinstance(choice, dict | None):
        raise BadRequest(f"tool_choice: must be an object with a 'type', not {choice!r}")
    kind = choice.get("type") if choice else "auto"
    called = {"any": "required", "auto": None, "none": None}.get(kind, choice) if isinstance(kind, str) else choice
    return called_function(called, tools_of(asked), choice.get("name") if choice and kind == "tool" else None)


class MessageStream(EventStream):
    """Pings as Anthropic does."""

    ping_bytes = PING


class MessageAnswer(Answer):
    """One message: its id, its tokens, and the events in which they travel."""

    stream_class = MessageStream

    def __init__(
        self, number: int, question: Question, tokens: AsyncGenerator[str | None, None], reason: str, request_id: str
    ) -> None:
        super().__init__(tokens)
        self.id = f"msg_{number:08d}"
        self.question = question
        self.stop_reason = STOP_REASONS[reason]
        self.request_id = request_id
        if question.tool is None:
            self.block: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": ""}
        else:
            self.block = {"type": "tool_use", "id": f"toolu_{number:08d}", "name": question.tool["name"], "input": {}}
            delta = {"type": "input_json_delta", "partial_json": ""}
        self.mould(_event({"type": "content_block_delta", "index": 0, "delta": delta}))

    def start(self) -> bytes:
        message = _event({"type": "message_start", "message": self._message([], None, 1)})
        # Anthropic, too, sends a ping here.
        return message + _event({"type": "content_block_start", "index": 0, "content_block": self.block}) + PING

    def garbled(self) -> bytes:
        return GARBAGE

    def end(self) -> bytes:
        delta = {"stop_reason": self.stop_reason, "stop_sequence": None}
        stop = _event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": self.sent}})
        return _event({"type": "content_block_stop", "index": 0}) + stop + _event({"type": "message_stop"})

    def failure(self, status: int, message: str) -> bytes:
        return _event(error_body(status, message, self.request_id))

    def whole(self, text: str, count: int) -> dict[str, Any]:
        filled = {"text": text} if self.question.tool is None else {"input": _arguments(text)}
        return self._message([{**self.block, **filled}], self.stop_reason, count)

    def _message(self, content: list[dict[str, Any]], stop_reason: str | None, output_tokens: int) -> dict[str, Any]:
        usage = {"input_tokens": self.question.input_tokens, "output_tokens": output_tokens}
        head = {"id": self.id, "type": "message", "role": "assistant", "model": self.question.model}
        return {**head, "content": content, "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}


def _arguments(text: str) -> Any:
    """Of arguments that were cut off by a limit or a fault, nothing is left: half an object is none."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _event(value: dict[str, Any]) -> bytes:
    return encode_event(to_json(value), event=value["type"])


def request_id(request: Request) -> str:
    """The id of a request, the same whenever it is asked for."""
    if not hasattr(request.state, "id"):
        request.state.id = f"req_{next(request.app.state.requests):08d}"
    return str(request.state.id)


def error_body(status: int, message: str, request_id: str) -> dict[str, Any]:
    kind = ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


async def on_http_error(request: Request, error: Exception) -> Response:
    """The handler for HTTPException, wrong paths and methods included."""
    assert isinstance(error, HTTPException)
    status, name = error.status_code, request_id(request)
    headers = {**retry_after(status), **(error.headers or {}), "request-id": name}
    return JSONResponse(error_body(status, error.detail, name), status, headers)


def create_app(
    model: ScriptedModel | None = None, faults: FaultPlan | str | None = None, ping: float | None = 15.0
) -> Starlette:
    """The API as an ASGI app. ping: seconds of silence after which a stream gets a `ping` event, None for never.

    MisuseError for a fault that is not a token fault, a model or a ping that is none.
    """
    (script, plan), numbers = prepared(model, faults, ping), itertools.count()

    async def create(request: Request) -> Response:
        question = Question.read(await read_json(request))
        tool = {"parameters": question.tool.get("input_schema")} if question.tool else None
        steps, reason = scripted(script, question.max_tokens, tool)
        number, name = next(numbers), request_id(request)
        tokens = play(steps, faults_of(plan, number))
        answer = MessageAnswer(number, question, tokens, reason, name)
        return await answer.response(request, stream=question.stream, ping=ping, headers={"request-id": name})

    async def models(request: Request) -> Response:
        page = {"data": [MODEL], "has_more": False, "first_id": MODEL["id"], "last_id": MODEL["id"]}
        return JSONResponse(page, headers={"request-id": request_id(request)})

    app = Starlette(
        routes=[Route("/v1/messages", create, methods=["POST"]), Route("/v1/models", models)],
        exception_handlers={HTTPException: on_http_error},
    )
    app.state.requests = itertools.count()
    return app

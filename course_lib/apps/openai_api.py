"""An API of the shape of OpenAI's, answered by a scripted model.

    POST /v1/chat/completions, POST /v1/responses (stream and not)      GET /v1/models, /v1/models/{id}

    import openai
    from course_lib import serve
    from course_lib.apps import openai_api

    with serve(openai_api.create_app(faults="stall@3:1s")) as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
        asked = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
        for chunk in client.chat.completions.create(**asked, stream=True):
            print(chunk.choices[0].delta.content or "", end="", flush=True)

Rule: the official `openai` clients must not notice the difference, in success and in failure: chunk by chunk,
status by status. One id and one `created` per answer. Faults come from the plan and from nowhere else.
Left out: keys. What a scripted model has no use for (temperature, top_p, ...) is ignored; what would make the
answer wrong if it were ignored (n > 1) is refused. Responses: see `openai_responses`.
"""

import itertools
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from course_lib.apps import openai_responses
from course_lib.apps.answer import Answer
from course_lib.apps.play import faults_of, play, prepared, scripted
from course_lib.apps.request import (
    MODEL,
    BadRequest,
    called_function,
    error_body,
    flag,
    limit,
    model_name,
    on_http_error,
    read_json,
    to_json,
    tools_of,
)
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel, tokenize
from course_lib.wire.sse import encode_event

DONE = encode_event("[DONE]")
GARBAGE = encode_event('{"id": "chatcmpl-", "object": "chat.completion.chunk", "choices": [{"del')


@dataclass(frozen=True, slots=True)
class Question:
    """A checked request for a chat completion."""

    model: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    tool: dict[str, Any] | None  # the function that must be called
    prompt_tokens: int

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Question":
        """BadRequest when OpenAI would refuse it, too."""
        if asked.get("n") not in (None, 1) or asked.get("n") is True:
            raise BadRequest("This model gives one choice: 'n' must be 1.", "n")
        options, stream = asked.get("stream_options"), flag(asked, "stream")
        if options is not None and not (stream and isinstance(options, dict)):
            raise BadRequest("'stream_options' is an object and allowed only when 'stream' is true.", "stream_options")
        choice, functions = asked.get("tool_choice"), [tool.get("function") for tool in tools_of(asked)]
        named = choice.get("function") if isinstance(choice, dict) else None
        return cls(
            model=model_name(asked),
            stream=stream,
            include_usage=flag(options or {}, "include_usage"),
            max_tokens=limit(asked, "max_completion_tokens", "max_tokens"),
            tool=called_function(choice, functions, named.get("name") if isinstance(named, dict) else None),
            prompt_tokens=count_prompt(asked.get("messages")),
        )


def count_prompt(messages: Any) -> int:
    """Tokens of the messages. BadRequest when they are none."""
    if not isinstance(messages, list) or not messages:
        raise BadRequest("Missing required parameter: 'messages', a list of at least one message.", "messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("A message is an object with a 'role' and a 'content'.", f"messages[{index}]")
    return sum(len(tokenize(to_json(message.get("content")))) for message in messages)


class ChatAnswer(Answer):
    """One completion: its id, its tokens, and the JSON in which they travel."""

    def __init__(
        self, number: int, question: Question, tokens: AsyncGenerator[str | None, None], finish_reason: str
    ) -> None:
        super().__init__(tokens)
        self.head = {"id": f"chatcmpl-{number:08d}", "created": int(time.time()), "model": question.model}
        self.call_id = f"call_{number:08d}"
        self.question = question
        self.finish_reason = finish_reason
        call = {"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}
        self.mould(self._delta({"content": ""} if question.tool is None else call))

    def start(self) -> bytes:
        return self._delta(self.message("", index=0))

    def garbled(self) -> bytes:
        return GARBAGE

    def end(self) -> bytes:
        usage = self._chunk([], self.usage(self.sent)) if self.question.include_usage else b""
        return self._delta({}, self.finish_reason) + usage + DONE

    def failure(self, status: int, message: str) -> bytes:
        return encode_event(to_json(error_body(status, message)))

    def whole(self, text: str, count: int) -> dict[str, Any]:
        choice = {"index": 0, "message": self.message(text), "logprobs": None, "finish_reason": self.finish_reason}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.usage(count)}

    def usage(self, count: int) -> dict[str, int]:
        prompt = self.question.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}

    def message(self, text: str, **index: int) -> dict[str, Any]:
        """The assistant's message; with `index=0` as the first delta of a stream."""
        if self.question.tool is None:
            return {"role": "assistant", "content": text}
        function = {"name": self.question.tool["name"], "arguments": text}
        call = {**index, "id": self.call_id, "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
        chunk = {**self.head, "object": "chat.completion.chunk", "choices": choices}
        return encode_event(to_json({**chunk, "usage": usage} if self.question.include_usage else chunk))


def create_app(
    model: ScriptedModel | None = None, faults: FaultPlan | str | None = None, ping: float | None = 15.0
) -> Starlette:
    """The API as an ASGI app. ping: seconds of silence after which a stream gets a comment, None for never.

    MisuseError for a fault that is not a token fault, a model or a ping that is none.
    """
    (script, plan), numbers = prepared(model, faults, ping), itertools.count()

    async def answer(request: Request, questions: Any, answers: Any) -> Response:
        question = questions.read(await read_json(request))
        steps, reason = scripted(script, question.max_tokens, question.tool)
        number = next(numbers)
        tokens = play(steps, faults_of(plan, number))
        made: Answer = answers(number, question, tokens, reason)
        return await made.response(request, stream=question.stream, ping=ping)

    async def complete(request: Request) -> Response:
        return await answer(request, Question, ChatAnswer)

    async def respond(request: Request) -> Response:
        return await answer(request, openai_responses.Question, openai_responses.ResponseAnswer)

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [MODEL]})

    async def one_model(request: Request) -> Response:
        if request.path_params["id"] != MODEL["id"]:
            raise BadRequest(f"The model {request.path_params['id']!r} does not exist.", "model", 404)
        return JSONResponse(MODEL)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/responses", respond, methods=["POST"]),
            Route("/v1/models", models),
            Route("/v1/models/{id}", one_model),
        ],
        exception_handlers={HTTPException: on_http_error},
    )

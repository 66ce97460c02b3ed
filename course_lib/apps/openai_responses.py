"""OpenAI's Responses: `POST /v1/responses` of the app `openai_api`, stream and not.

    import openai
    from course_lib import serve
    from course_lib.apps import openai_api

    with serve(openai_api.create_app()) as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
        for event in client.responses.create(model="m", input="Why?", max_output_tokens=3, stream=True):
            print(event.sequence_number, event.type)  # the last: response.incomplete

Rule: each event has its name twice, in `event:` and in `type`, and the next `sequence_number`. No `[DONE]`: an answer
ends with `response.completed`, `response.incomplete` (it was cut off by a limit of tokens) or `response.failed`.
Source: OpenAI API reference, "Streaming events" of Responses, and the types of the `openai` package.
Left out: storing (`store`, `GET`, `background`, `previous_response_id`), the WebSocket mode, tools that the server
runs, `stream_options`. OpenAI sends `response.created` before the model has begun; here it comes with the first token,
so that a failure before that has a status.
"""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from course_lib.apps.answer import Answer
from course_lib.apps.request import BadRequest, called_function, flag, limit, model_name, to_json, tools_of
from course_lib.model import tokenize
from course_lib.wire.sse import encode_event


@dataclass(frozen=True, slots=True)
class Question:
    """A checked request for a response."""

    model: str
    stream: bool
    max_tokens: int | None
    tool: dict[str, Any] | None  # the function that must be called
    input_tokens: int
    echo: dict[str, Any]  # fields that the answer repeats

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Question":
        """BadRequest when OpenAI would refuse it, too."""
        said, instructions = asked.get("input"), asked.get("instructions")
        if not said or not (isinstance(said, str) or _are_items(said)):
            raise BadRequest("Missing required parameter: 'input', a text or a list of items.", "input")
        if not isinstance(instructions, str | None):
            raise BadRequest(f"'instructions' must be a string, not {instructions!r}.", "instructions")
        metadata = {} if asked.get("metadata") is None else asked["metadata"]
        if not isinstance(metadata, dict):
            raise BadRequest("'metadata' must be an object.", "metadata")
        if asked.get("previous_response_id") is not None:
            raise BadRequest("No response is stored here, so none can be continued.", "previous_response_id")
        if flag(asked, "background"):
            raise BadRequest("This server does not work in the background.", "background")
        choice, tools = asked.get("tool_choice"), tools_of(asked)
        functions = [tool for tool in tools if tool.get("type") == "function"]
        most = limit(asked, "max_output_tokens")
        return cls(
            model=model_name(asked),
            stream=flag(asked, "stream"),
            max_tokens=most,
            tool=called_function(choice, functions, choice.get("name") if isinstance(choice, dict) else None),
            input_tokens=len(tokenize(to_json(said))) + len(tokenize(instructions or "")),
            echo={
                "instructions": instructions,
                "max_output_tokens": most,
                "metadata": metadata,
                "tool_choice": choice or "auto",
                "tools": tools,
            },
        )


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


class ResponseAnswer(Answer):
    """One response: its ids, its tokens, and the events in which they travel."""

    def __init__(
        self, number: int, question: Question, tokens: AsyncGenerator[str | None, None], finish_reason: str
    ) -> None:
        super().__init__(tokens)
        self.question = question
        self.status = "incomplete" if finish_reason == "length" else "completed"
        self.text = ""
        self._count = 0  # events
        self._head = {"id": f"resp_{number:08d}", "object": "response", "created_at": int(time.time())}
        if question.tool is None:
            self._kind, self._name = "response.output_text", "text"
            self._item = {"id": f"msg_{number:08d}", "type": "message", "role": "assistant"}
            self._place = {"item_id": self._item["id"], "output_index": 0, "content_index": 0, "logprobs": []}
        else:
            self._kind, self._name = "response.function_call_arguments", "arguments"
            self._item = {"id": f"fc_{number:08d}", "type": "function_call", "call_id": f"call_{number:08d}"}
            self._item["name"] = question.tool["name"]
            self._place = {"item_id": self._item["id"], "output_index": 0}

    def start(self) -> bytes:
        begun = self._response("in_progress", [])
        item = self._output("in_progress", "")
        if "content" in item:
            item["content"] = []  # its part is an event of its own
        return (
            self._event("response.created", response=begun)
            + self._event("response.in_progress", response=begun)
            + self._event("response.output_item.added", output_index=0, item=item)
            + self._part("added", "")
        )

    def token(self, token: str) -> bytes:
        self.text += token
        return self._event(f"{self._kind}.delta", **self._place, delta=token)

    def garbled(self) -> bytes:
        self._count += 1
        return encode_event('{"type": "response.output_', event=f"{self._kind}.delta")

    def end(self) -> bytes:
        return (
            self._event(f"{self._kind}.done", **self._place, **{self._name: self.text})
            + self._part("done", self.text)
            + self._event("response.output_item.done", output_index=0, item=self._output(self.status, self.text))
            + self._event(f"response.{self.status}", response=self.whole(self.text, self.sent))
        )

    def failure(self, status: int, message: str) -> bytes:
        begun = b"" if self.sent else self.start()  # nothing but comments was sent so far
        failed = self._response("failed", [], error={"code": "server_error", "message": message})
        return begun + self._event("response.failed", response=failed)

    def whole(self, text: str, count: int) -> dict[str, Any]:
        asked = self.question.input_tokens
        usage = {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": count,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + count,
        }
        why = {"reason": "max_output_tokens"} if self.status == "incomplete" else None
        output = [self._output(self.status, text)]
        return self._response(self.status, output, usage=usage, incomplete_details=why)

    def _response(self, status: str, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        fixed = {"parallel_tool_calls": True, "store": False, "temperature": 1.0, "top_p": 1.0}
        empty = dict.fromkeys(("error", "incomplete_details", "previous_response_id", "usage"))
        asked = {"model": self.question.model, **self.question.echo}
        return {**self._head, "status": status, "output": output, **asked, **fixed, **empty, **more}

    def _output(self, status: str, text: str) -> dict[str, Any]:
        """The only item of the output: a message, or a call."""
        said = {"content": [_text_part(text)]} if self.question.tool is None else {"arguments": text}
        return {**self._item, "status": status, **said}

    def _part(self, what: str, text: str) -> bytes:
        if self.question.tool is not None:
            return b""  # a call has no parts
        where = {"item_id": self._item["id"], "output_index": 0, "content_index": 0}
        return self._event(f"response.content_part.{what}", **where, part=_text_part(text))

    def _event(self, kind: str, **fields: Any) -> bytes:
        text = to_json({"type": kind, "sequence_number": self._count, **fields})
        self._count += 1
        return encode_event(text, event=kind)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

"""From the vocabulary of one vendor to that of another: Anthropic's Messages and OpenAI's Chat Completions.

    request    OpenAI's question as Anthropic takes it      `to_anthropic`
    events     Anthropic's events as OpenAI's chunks        `FromAnthropic`; `FromOpenAI` only reads along
    whole      OpenAI's chunks as one completion            `in_one`

Rule: nothing is invented. What says that the answer has ended comes out of `end`, which its caller asks for when the
provider has said so; an unknown event gives nothing; what cannot be translated in a question is refused with its name.
Left out: images, audio, thinking, caching, several choices, and the other direction.

Sources: platform.claude.com "Streaming messages", "Tool use"; OpenAI API reference, "Chat Completions".
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from course_lib.apps.request import BadRequest, limit

MAX_TOKENS = 4096  # for a question without a limit; Anthropic wants one
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
ERRORS = {"rate_limit_error": 429, "overloaded_error": 503, "timeout_error": 504}  # by type of error, both vendors
_SAME = ("model", "temperature", "top_p")
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def to_anthropic(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The body for POST /v1/messages. BadRequest, as OpenAI would say it, for what has no translation."""
    question: dict[str, Any] = {name: asked[name] for name in _SAME if asked.get(name) is not None}
    question["max_tokens"] = limit(dict(asked), "max_completion_tokens", "max_tokens") or MAX_TOKENS
    question["stream"] = True
    question |= _messages(asked.get("messages"))
    if stop := asked.get("stop"):
        question["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if tools := asked.get("tools"):
        question["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(_list(tools, "tools"))]
    if choice := asked.get("tool_choice"):
        name = _get(choice, "function", "name")
        if name is None and (not isinstance(choice, str) or choice not in _CHOICES):
            raise BadRequest(f"'tool_choice' has no translation: {choice!r}.", "tool_choice")
        question["tool_choice"] = {"type": "tool", "name": name} if name else {"type": _CHOICES[choice]}
    return question


def _messages(messages: Any) -> dict[str, Any]:
    """`system` and `messages`. The results of several calls belong into one message, right after the calls."""
    system, turns = list[str](), list[dict[str, Any]]()
    if not isinstance(messages, list) or not messages:
        raise BadRequest("Missing required parameter: 'messages', a list of at least one message.", "messages")
    for index, message in enumerate(messages):
        where, role = f"messages[{index}]", _get(message, "role")
        if role in ("system", "developer"):
            system.append(_text(message.get("content"), where))
        elif role == "tool":
            content = _text(message.get("content"), where)
            block = {"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": content}
            if turns and turns[-1]["role"] == "user" and isinstance(turns[-1]["content"], list):
                turns[-1]["content"].append(block)
            else:
                turns.append({"role": "user", "content": [block]})
        elif role in ("user", "assistant"):
            calls = _list(message.get("tool_calls") or [], f"{where}.tool_calls")
            text = _text(message.get("content"), where)
            blocks = [{"type": "text", "text": text}] if text else []
            blocks += [_call(call, f"{where}.tool_calls") for call in calls]
            turns.append({"role": role, "content": blocks if calls else text})
        else:
            raise BadRequest("A message is an object with a 'role' and a 'content'.", where)
    return {"messages": turns, **({"system": "\n\n".join(system)} if system else {})}


def _text(content: Any, where: str) -> str:
    parts = [{"type": "text", "text": content or ""}] if content is None or isinstance(content, str) else content
    texts = [_get(part, "text") if _get(part, "type") == "text" else None for part in _list(parts, where)]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("Only text can be translated.", f"{where}.content")
    return "".join(text for text in texts if text)


def _call(call: Any, where: str) -> dict[str, Any]:
    try:
        arguments = json.loads(_get(call, "function", "arguments") or "{}")
    except (ValueError, TypeError, RecursionError):
        raise BadRequest("The arguments of a call must be a JSON object.", where) from None
    return {"type": "tool_use", "id": _get(call, "id"), "name": _get(call, "function", "name"), "input": arguments}


def _tool(tool: Any, where: str) -> dict[str, Any]:
    function = _get(tool, "function")
    if not isinstance(_get(function, "name"), str):
        raise BadRequest("A tool is {'type': 'function', 'function': {'name', 'description', 'parameters'}}.", where)
    told = {"description": function["description"]} if function.get("description") else {}
    return {"name": function["name"], **told, "input_schema": function.get("parameters") or {"type": "object"}}


class FromOpenAI:
    """Reads along: the chunks stay as they are. What it learns is None until it was told."""

    vocabulary = "openai_chat"
    provider = "openai"
    path = "/v1/chat/completions"
    headers: Mapping[str, str] = {}

    def __init__(self, *, include_usage: bool = False) -> None:
        self.include_usage = include_usage
        self.id: str | None = None
        self.model: str | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None

    @staticmethod
    def question(asked: Mapping[str, Any]) -> dict[str, Any]:
        """What to ask the provider: with its usage, for the trace."""
        options = asked.get("stream_options")
        options = {**(options if isinstance(options, Mapping) else {}), "include_usage": True}
        return {**asked, "stream": True, "stream_options": options}

    def feed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The chunks that an event gives."""
        self._learn(event, event.get("usage"), "prompt_tokens", "completion_tokens")
        return [] if event.get("choices") == [] and not self.include_usage else [dict(event)]

    def end(self) -> list[dict[str, Any]]:
        """The chunks behind the last token."""
        return []

    def _learn(self, message: Any, usage: Any, sent: str, received: str) -> None:
        self.id, self.model = _str(_get(message, "id")) or self.id, _str(_get(message, "model")) or self.model
        self.input_tokens = _number(_get(usage, sent), self.input_tokens)
        self.output_tokens = _number(_get(usage, received), self.output_tokens)


class FromAnthropic(FromOpenAI):
    """Events of Anthropic to chunks of OpenAI."""

    vocabulary = "anthropic"
    provider = "anthropic"
    path = "/v1/messages"
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
    question = staticmethod(to_anthropic)

    def __init__(self, *, include_usage: bool = False) -> None:
        super().__init__(include_usage=include_usage)
        self.created = int(time.time())
        self.finish_reason: str | None = None
        self._tools: dict[int, int] = {}  # index of a block to index among the tools

    def feed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        match event:
            case {"type": "message_start", "message": message}:
                self._learn(message, _get(message, "usage"), "input_tokens", "output_tokens")
                return [self._delta({"role": "assistant", "content": ""})]
            case {"type": "content_block_start", "index": int(index), "content_block": {"type": "tool_use"} as block}:
                self._tools[index] = number = len(self._tools)
                function = {"name": block.get("name"), "arguments": ""}
                call = {"index": number, "id": block.get("id"), "type": "function", "function": function}
                return [self._delta({"tool_calls": [call]})]
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(text)}}:
                return [self._delta({"content": text})]
            case {"type": "content_block_delta", "index": int(index), "delta": {"partial_json": str(text)}}:
                call = {"index": self._tools.get(index, 0), "function": {"arguments": text}}
                return [self._delta({"tool_calls": [call]})] if text else []
            case {"type": "message_delta", "delta": {"stop_reason": str(reason)}}:
                self._learn(None, event.get("usage"), "input_tokens", "output_tokens")
                self.finish_reason = FINISH_REASONS.get(reason, reason)
        return []

    def end(self) -> list[dict[str, Any]]:
        chunks = [self._delta({}, self.finish_reason)]
        if self.include_usage:
            sent, received = self.input_tokens or 0, self.output_tokens or 0
            usage = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
            chunks.append({**self._chunk([]), "usage": usage})
        return chunks

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        return {**head, "choices": choices}


def has_content(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk of OpenAI has a piece of the answer: text, or of the arguments of a call."""
    deltas = [_get(choice, "delta") for choice in _items(chunk.get("choices"))]
    return any(
        _get(delta, "content") or any(_get(part, "function", "arguments") for part in _items(_get(delta, "tool_calls")))
        for delta in deltas
    )


def in_one(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The chat.completion that chunks of OpenAI add up to."""
    head: dict[str, Any] = {}
    text, reason, usage, calls = list[str](), None, None, dict[int, dict[str, Any]]()
    for chunk in chunks:
        head = head or {name: chunk.get(name) for name in ("id", "created", "model")}
        usage = chunk.get("usage") or usage
        for choice in _items(chunk.get("choices")):
            reason = _get(choice, "finish_reason") or reason
            text.append(_str(_get(choice, "delta", "content")))
            for part in _items(_get(choice, "delta", "tool_calls")):
                fresh = {"id": _get(part, "id"), "type": "function", "function": {"name": "", "arguments": ""}}
                function = calls.setdefault(_number(_get(part, "index"), None) or 0, fresh)["function"]
                function["name"] += _str(_get(part, "function", "name"))
                function["arguments"] += _str(_get(part, "function", "arguments"))
    message: dict[str, Any] = {"role": "assistant", "content": "".join(text) or (None if calls else "")}
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(f"Expected a list, got {type(value).__name__}.", where)
    return value


def _number(value: Any, otherwise: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

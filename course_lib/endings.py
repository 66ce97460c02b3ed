"""How a stream ended: complete, length, error, truncated or cancelled. The one place that tells them apart.

    complete    the terminator of the vocabulary has come
    length      so it has, and the server says that the answer is partial: a limit of tokens, a content filter, a pause
    error       the server has told of a failure in the stream (its status was 200)
    truncated   the stream ended, well or badly, without terminator: nobody knows what is missing
    cancelled   this side has left, or the server says that it was told to stop

Rule: the first event that decides does, whatever comes after it: an error is not undone by a later `[DONE]`, and an
answer whose terminator has come is complete even if the connection then broke. A clean end of the connection is no
terminator, nor is `[DONE]` without a `finish_reason`. Events that are unknown or cannot be read are skipped.
Left out: I/O, statuses (a 4xx is an error before there is a stream), and whether each token between was whole.

    vocabulary        terminator, and where it says "partial"       error                        cancelled
    openai_chat       [DONE] after a finish_reason                  {"error"}, `event: error`
    openai_responses  response.completed; response.incomplete       response.failed, error
    anthropic         message_stop; stop_reason before it           error
    resume            `event: done`                                 `event: error`               `event: cancelled`
    websocket_chat    {"type": "done"}                              {"type": "error"}            {"type": "cancelled"}
    ndjson            {"done": true, "finish_reason"}               {"error"}
    text              none: only the transport can tell

Sources: OpenAI API reference (streaming chat completions and responses), Anthropic "Streaming messages". Why so strict:
BerriAI/litellm issue 40260, NVIDIA/TensorRT-LLM pull 18289, pydantic-ai issue 6610, anthropic-sdk-python issue 1918.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol, get_args

from course_lib.errors import MisuseError

Ending = Literal["complete", "length", "error", "truncated", "cancelled"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
TERMINATORS = {
    "openai_chat": "[DONE]",
    "openai_responses": "response.completed",
    "anthropic": "message_stop",
    "resume": "done",
    "websocket_chat": "done",
    "ndjson": "done",
    "text": "",
}
PARTIAL = {
    *("length", "content_filter"),  # OpenAI's finish_reason
    *("max_tokens", "model_context_window_exceeded", "pause_turn", "refusal"),  # Anthropic's stop_reason
}
_BY_TYPE: dict[str, dict[str, Ending]] = {  # types of events that decide by their name
    "openai_responses": {"response.completed": "complete", "response.incomplete": "length", "response.failed": "error"},
    "anthropic": {"message_stop": "complete"},
    "resume": {"done": "complete", "cancelled": "cancelled"},
    "websocket_chat": {"done": "complete", "cancelled": "cancelled"},
}


class Event(Protocol):
    """What is needed of a ServerSentEvent."""

    @property
    def event(self) -> str: ...
    @property
    def data(self) -> str: ...


class EndingReader:
    """Takes the events of one answer as they come; tells its ending at any moment, or at last.

    vocabulary: a key of TERMINATORS; None finds it out from the events (not resume, websocket_chat and text, whose
    tokens may look like anything), and `vocabulary` stays None until then. id: of a WebSocket answer; messages of
    other ids are then skipped, and errors without one, too. `decided` is the ending once an event has told it, else
    None. `reason` is the server's own word for why it stopped, such as "stop", "max_tokens" or "content_filter".
    MisuseError for a vocabulary that does not exist, and for what is no event.

        reader = EndingReader("openai_chat")
        for event in decoder.feed(data):
            reader.feed(event)
        print(reader.close(None), reader.reason)
    """

    def __init__(self, vocabulary: str | None = None, *, id: str | None = None) -> None:
        if vocabulary is not None and vocabulary not in TERMINATORS:
            raise MisuseError(f"there is no vocabulary {vocabulary!r}; there are {', '.join(TERMINATORS)}, or None")
        self.vocabulary = vocabulary
        self.decided: Ending | None = None
        self.reason: str | None = None
        self._id = id

    def feed(self, event: Event | Mapping[str, Any] | str) -> Ending | None:
        """Take an event, a parsed message, {"event", "data"} or a payload as text; return `decided`."""
        if self.decided is None and self.vocabulary != "text":
            kind, data, value = _opened(event, named=self.vocabulary == "resume")
            if self.vocabulary is None:
                self.vocabulary = _vocabulary_of(kind, data, value)
            self.decided = self._decide(kind, data, value)
        return self.decided

    def close(self, transport_error: str | None = None) -> Ending:
        """No more events will come. transport_error: None after a proper end of the body or the WebSocket, "cancelled"
        when this side has left, any other text for a connection that broke."""
        if self.decided is None:
            whole = self.vocabulary == "text" and transport_error is None
            self.decided = "cancelled" if transport_error == "cancelled" else "complete" if whole else "truncated"
        return self.decided

    def _decide(self, kind: str, data: str, value: Mapping[str, Any]) -> Ending | None:
        vocabulary = self.vocabulary
        of_another = self._id is not None and value.get("id") != self._id
        if vocabulary == "websocket_chat" and (of_another or value.get("code") == "still_running"):
            return None  # the second: a wrong message about an answer that goes on
        if kind == "error" or (vocabulary != "websocket_chat" and value.get("error") is not None):
            return "error"
        self._note_reason(value)
        if vocabulary == "openai_chat" and data == "[DONE]":
            return self._whole() if self.reason else "truncated"
        if vocabulary == "ndjson" and value.get("done") is True:
            return self._whole()
        ending = _BY_TYPE.get(vocabulary or "", {}).get(kind)
        return self._whole() if ending == "complete" else ending

    def _whole(self) -> Ending:
        return "length" if self.reason in PARTIAL else "complete"

    def _note_reason(self, value: Mapping[str, Any]) -> None:
        """Of several choices the one that is partial counts: then the answer is."""
        found: list[Any] = [value.get("finish_reason"), _get(value, "delta", "stop_reason")]
        found.append(_get(value, "response", "incomplete_details", "reason"))
        choices = value.get("choices")  # empty in the chunk with the usage
        found += [_get(choice, "finish_reason") for choice in choices] if isinstance(choices, list) else []
        for reason in found:
            if isinstance(reason, str) and reason and self.reason not in PARTIAL:
                self.reason = reason


def classify_ending(
    events: Iterable[Event | Mapping[str, Any] | str], transport_error: str | None = None, vocabulary: str | None = None
) -> Ending:
    """The ending of a whole stream; arguments as for EndingReader. Of an unknown vocabulary, nothing is complete.

    >>> classify_ending([{"type": "message_stop"}], "ReadError")
    'complete'
    """
    reader = EndingReader(vocabulary)
    for event in events:
        reader.feed(event)
    return reader.close(transport_error)


def _opened(event: Event | Mapping[str, Any] | str, named: bool) -> tuple[str, str, Mapping[str, Any]]:
    """(type, data as text, data as an object; empty when it is none). named: the type is the event's name alone, and
    the data of those without one is text of the model, whatever it looks like."""
    kind, data = "", event
    if isinstance(event, Mapping):
        if "event" in event and "data" in event:
            kind, data = event["event"], event["data"]
    elif hasattr(event, "event") and hasattr(event, "data"):
        kind, data = event.event, event.data
    elif not isinstance(event, str):
        what = f"got a {type(event).__name__} (of a client? then give its .model_dump())"
        raise MisuseError(f"an event is a ServerSentEvent, a message as a dict, or its text; {what}")
    value: Any = data
    if named and kind in ("", "message"):
        return "", "", {}
    if isinstance(data, str):
        try:
            value = json.loads(data) if data.lstrip()[:1] == "{" else None
        except (ValueError, RecursionError):
            value = None
    value = value if isinstance(value, Mapping) else {}
    if kind in ("", "message", None):  # without a name of its own: what the payload says
        kind = value.get("type")
    return kind if isinstance(kind, str) else "", data if isinstance(data, str) else "", value


def _vocabulary_of(kind: str, data: str, value: Mapping[str, Any]) -> str | None:
    if data == "[DONE]" or isinstance(value.get("choices"), list):
        return "openai_chat"
    if kind.startswith("response."):
        return "openai_responses"
    if kind.startswith(("message_", "content_block_")):
        return "anthropic"
    return "ndjson" if isinstance(value.get("done"), bool) else None


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

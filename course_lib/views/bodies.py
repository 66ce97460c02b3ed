"""From the bytes of a body to the texts of tokens: what a tick in a picture stands for.

Rule: one event, line or read gives at most one token; payloads without content (role, finish reason, usage, done)
give none. Payloads of known vendors give their content; anything else counts as it is. How an answer ended is told by
`course_lib.endings`, where its vocabulary is known.
Left out: every other field, compression, and any charset but UTF-8.
"""

import codecs
import json
from typing import Any

from course_lib.endings import TERMINATORS, EndingReader
from course_lib.errors import WireError
from course_lib.wire.http1 import ResponseHead
from course_lib.wire.sse import ServerSentEvent, SSEDecoder

SILENT = ("ping", "tool_call", "done", "cancelled")  # types without content, of Anthropic and of the WebSocket chat
MAX_LINE = 1_000_000  # bytes of an NDJSON line, or of an answer that comes as a whole


def token_of(payload: str) -> str | None:
    """The token in SSE data or an NDJSON line: an OpenAI or Anthropic delta, {"token"|"text"|"content"}, or as is."""
    if payload == "[DONE]" or not payload:
        return None
    text = _content(payload)
    return payload if text is None else text or None


def _content(payload: str) -> str | None:
    """Text in a JSON payload of a known form ("" when that form has none), None when the form is not known."""
    if payload.lstrip()[:1] != "{":
        return None
    try:
        value: dict[str, Any] = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    match value:
        case (
            {"choices": [{"delta": {"content": str(text)}}, *_]}
            | {"choices": [{"message": {"content": str(text)}}, *_]}
            | {"delta": {"text": str(text)}}
            | {"type": "response.output_text.delta", "delta": str(text)}
            | {"token": str(text)}
            | {"text": str(text)}
            | {"content": str(text)}
        ):
            return text
        case {"choices": list()} | {"done": bool()}:
            return ""
        case {"type": str(kind)} if kind.startswith(("message_", "content_block_", "response.")) or kind in SILENT:
            return ""
    return None


class BodyReader:
    """A body of unknown form, which comes as one token when it is whole; base of the readers below."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.endings = EndingReader("text")

    def feed(self, data: bytes) -> list[str]:
        """Texts of the tokens that these bytes complete."""
        if len(self._data) < MAX_LINE:
            self._data += data
        return []

    def close(self) -> list[str]:
        """Texts of the tokens that only the end completes."""
        text = self._data.decode("utf-8", "replace")
        return [token_of(text) or text] if text else []

    def _token(self, event: ServerSentEvent | str, payload: str) -> str | None:
        running = self.endings.decided is None
        return None if running and self.endings.feed(event) == "error" else token_of(payload)

    @property
    def known(self) -> bool:
        """Does its vocabulary tell how it ended?"""
        return self.endings.vocabulary not in (None, "text")

    @property
    def verdict(self) -> str:
        """What the content says of the end of a body that came as a whole; "" when there is nothing to say."""
        ending, vocabulary = self.endings.decided, self.endings.vocabulary
        if ending is None:
            return f"no {TERMINATORS[vocabulary]}" if vocabulary and TERMINATORS[vocabulary] else ""
        return "no finish_reason" if ending == "truncated" else "" if ending == "complete" else ending


class EventBody(BodyReader):
    """text/event-stream: a token per event."""

    def __init__(self) -> None:
        self._decoder = SSEDecoder()
        self.endings = EndingReader()

    def feed(self, data: bytes) -> list[str]:
        return [text for event in self._decoder.feed(data) if (text := self._token(event, event.data))]

    def close(self) -> list[str]:
        return []


class LineBody(BodyReader):
    """NDJSON: a token per line."""

    def __init__(self) -> None:
        super().__init__()
        self.endings = EndingReader()

    def feed(self, data: bytes) -> list[str]:
        texts, (first, *more) = [], data.split(b"\n")
        self._data += first
        for after in more:  # a line end stands before it
            text = self._data.decode("utf-8", "replace").strip()
            if token := self._token(text, text):
                texts.append(token)
            self._data[:] = after
        if len(self._data) > MAX_LINE:
            raise WireError(f"A line of NDJSON is longer than {MAX_LINE:,} bytes.")
        return texts


class MessageBody(BodyReader):
    """Messages of a WebSocket, fed one by one: a token per message."""

    def __init__(self) -> None:
        self.endings = EndingReader()

    def feed(self, data: bytes) -> list[str]:
        text = data.decode("utf-8", "replace")
        return [token] if (token := self._token(text, text)) else []

    def close(self) -> list[str]:
        return []


class TextBody(BodyReader):
    """Any other text: a token per read, since nothing else divides it."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes, final: bool = False) -> list[str]:
        text = self._decoder.decode(data, final)
        return [text] if text else []

    def close(self) -> list[str]:
        return self.feed(b"", final=True)


def reader_for(head: ResponseHead) -> BodyReader:
    """The reader for a response, by its media type; a failed response comes as a whole."""
    media_type = (head.get("content-type") or "").partition(";")[0].strip().lower()
    if head.status >= 400:
        return BodyReader()
    if media_type == "text/event-stream":
        return EventBody()
    if media_type in ("application/x-ndjson", "application/jsonl", "application/ndjson"):
        return LineBody()
    return TextBody() if media_type.startswith("text/") else BodyReader()

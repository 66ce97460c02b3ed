"""Recordings made by hand for the tests of the views."""

import json

from course_lib.recording import Recording
from course_lib.wire.chunked import LAST_CHUNK, encode_chunk

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
HOSTILE = "<script>alert(1)</script>\x00\u202e]]>&\"'"


def head(*fields: bytes, status: bytes = b"200 OK", version: bytes = b"1.1") -> bytes:
    return b"HTTP/%s %s\r\n" % (version, status) + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


EVENTS = head(b"content-type: text/event-stream; charset=utf-8", b"transfer-encoding: chunked")


DONE = b"data: [DONE]\n\n"


def openai(text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    chunk = {"object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def conversation(
    *answer: bytes, title: str = "", request: bytes = REQUEST, end: str = "", step: float = 0.5
) -> Recording:
    """One connection: the request at 1 s, then a piece of the answer every `step` seconds, then perhaps its end."""
    recording = Recording(title)
    recording.add(1.0, 0, "client", kind="open")
    recording.add(1.0, 0, "client", request)
    at = 1.0
    for piece in answer:
        at += step
        recording.add(at, 0, "server", piece)
    if end:
        side, kind = end.split()
        recording.add(at + step, 0, side, kind=kind)
    return recording


def chat(*tokens: str, title: str = "") -> Recording:
    """A whole streamed answer in chunks, one token each."""
    pieces = [encode_chunk(openai(token)) for token in tokens]
    return conversation(EVENTS, *pieces, encode_chunk(openai("", "stop") + DONE) + LAST_CHUNK, title=title)

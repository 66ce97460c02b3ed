"""The endings of real streams: every app, every way to end, told apart by `course_lib.endings`."""

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import connect

from course_lib.apps import anthropic_api, chunked, openai_api, relay, resume, websocket_chat
from course_lib.endings import EndingReader
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder

CHAT = {"model": "m", "messages": [{"role": "user", "content": "why?"}], "stream": True}
HTTP = {  # vocabulary: app, path, question, the name of its limit
    "openai_chat": (openai_api, "/v1/chat/completions", CHAT, "max_tokens"),
    "openai_responses": (openai_api, "/v1/responses", {"input": "why?", "stream": True}, "max_output_tokens"),
    "anthropic": (anthropic_api, "/v1/messages", {**CHAT, "max_tokens": 99}, "max_tokens"),
    "ndjson": (chunked, "/ndjson", {}, "max_tokens"),
    "text": (chunked, "/text", {}, "max_tokens"),
    "relay": (relay, "/chat", CHAT, "max_tokens"),
}
LIMIT, SILENCE = "limit", "stall@2:1000s"  # a limit of tokens is no fault; in the silence the client leaves
TOLD = "told"  # the client tells the server to stop
WAYS = {
    "": "complete",
    LIMIT: "length",
    "error@2": "error",
    "cut@2": "truncated",
    "reset@2": "truncated",
    "truncate@2": "truncated",
    SILENCE: "cancelled",
}
IN_PLAIN_TEXT = {LIMIT: "complete", "error@2": "truncated", "truncate@2": "complete"}  # it has no words for them
REASONS = (None, "stop", "end_turn", "length", "max_tokens", "max_output_tokens")


def serving(app, way):
    model = ScriptedModel(slow_start=1000) if way == TOLD else ScriptedModel(pace=0)
    return serve(app.create_app(model, way if "@" in way else ""))


class Bodies:
    """What comes in the body of one format, as `EndingReader` takes it."""

    def __init__(self, vocabulary):
        self.decoder, self.rest, self.vocabulary = SSEDecoder(), b"", vocabulary

    def feed(self, data):
        if self.vocabulary == "ndjson":
            *lines, self.rest = (self.rest + data).split(b"\n")
            return [line.decode() for line in lines]
        return [data.decode("utf-8", "replace")] if self.vocabulary == "text" else self.decoder.feed(data)


def read(url, method, question, vocabulary, leaves):
    """The reader of the endings, and what the transport says."""
    reader, bodies = EndingReader(vocabulary), Bodies(vocabulary)
    try:
        with httpx.stream(method, url, json=question, timeout=20) as answer:
            assert answer.status_code == 200
            for data in answer.iter_raw():
                for event in bodies.feed(data):
                    reader.feed(event)
                if leaves:
                    return reader, "cancelled"
    except httpx.TransportError as error:
        return reader, type(error).__name__
    return reader, None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HTTP)
def test_an_answer_over_http(name, way):
    app, path, question, limit = HTTP[name]
    vocabulary = "openai_chat" if name == "relay" else name
    with serving(app, way) as server:
        question = {**question, limit: 3} if way == LIMIT else question
        reader, word = read(server.url + path, "POST", question, vocabulary, way == SILENCE)
    assert reader.close(word) == (IN_PLAIN_TEXT.get(way, WAYS[way]) if name == "text" else WAYS[way])
    assert reader.reason in REASONS


@pytest.mark.parametrize(("way", "ending"), [*WAYS.items(), (TOLD, "cancelled")])
def test_a_generation_that_is_resumed(way, ending):
    with serving(resume, way) as server:
        question = {"prompt": "why?", **({"max_tokens": 3} if way == LIMIT else {})}
        url = f"{server.url}/generate/{httpx.post(f'{server.url}/generate', json=question, timeout=20).json()['id']}"
        if way == TOLD:
            httpx.delete(url, timeout=20)
        reader, word = read(url, "GET", None, "resume", way == SILENCE)
    assert reader.close(word) == ending


@pytest.mark.parametrize(("way", "ending"), [*WAYS.items(), (TOLD, "cancelled")])
def test_an_answer_over_websocket(way, ending):
    reader, word = EndingReader("websocket_chat", id="1"), None
    with serving(websocket_chat, way) as server, connect(f"ws{server.url[4:]}/ws") as socket:
        limit = {"max_tokens": 3} if way == LIMIT else {}
        socket.send("no JSON")  # its error is of no answer
        socket.send(json.dumps({"type": "prompt", "id": "1", "content": "why?", **limit}))
        if way == TOLD:
            socket.send(json.dumps({"type": "cancel", "id": "1"}))
        try:
            while reader.decided is None and word is None:
                message = json.loads(socket.recv(20))
                reader.feed(message)
                word = "cancelled" if message["type"] == "token" and way == SILENCE else None
        except ConnectionClosedOK:
            pass  # a proper end of the transport
        except ConnectionClosed as error:
            word = type(error).__name__
    assert reader.close(word) == ending

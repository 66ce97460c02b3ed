"""The relay between real clients and a provider: everything at its time, every ending told, nothing left behind.

The provider is `anthropic_api` or `openai_api`, or one whose next word the test decides.
"""

import asyncio
import json
import threading
import time
from contextlib import ExitStack

import httpx
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from course_lib.apps import anthropic_api, create, openai_api, relay
from course_lib.apps import provider as provider_module
from course_lib.apps.call import Call
from course_lib.apps.live import HangUp, LiveStream
from course_lib.apps.provider import Deadlines
from course_lib.apps.traces import read_traces
from course_lib.endings import EndingReader
from course_lib.errors import MisuseError, ServerError
from course_lib.faults import FaultPlan
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder, encode_event
from tests.streams.clock import in_jumps

FAST = ScriptedModel(pace=0)
TOKENS = FAST.tokens()
ASK = {"model": "m", "messages": [{"role": "user", "content": "why?"}]}
PROVIDERS = {"anthropic": anthropic_api, "openai": openai_api}
speaking = pytest.mark.parametrize("speaks", PROVIDERS)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("weather", "forecast")]
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
STOP = {"type": "message_stop"}
GO_ON = 20  # seconds until a test gives up


def said(value):
    """An event of Anthropic."""
    return encode_event(json.dumps(value), event=value["type"])


def text(token):
    return said({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": token}})


def chunk(token, finish_reason=None):
    """An event of OpenAI."""
    choice = {"index": 0, "delta": {"content": token}, "finish_reason": finish_reason}
    return encode_event(json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}))


START = said({"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 2}}})
OVERLOADED = said({"type": "error", "error": {"type": "overloaded_error", "message": "a secret"}})


class Provider:
    """Says `first` when it is asked, then what it is told to: `say(bytes)`, `say(HangUp())`, None for a proper end."""

    def __init__(self, *first, path="/v1/messages", answer=None):
        self.asked, self.left = threading.Semaphore(0), threading.Event()
        self.first, self.requests, self.answer, self.sent = first, [], answer, 0
        self.app = Starlette(routes=[Route(path, self.endpoint, methods=["POST"])])

    def say(self, *pieces):
        for piece in pieces:
            self.loop.call_soon_threadsafe(self.pieces.put_nowait, piece)

    def wait(self):
        assert self.asked.acquire(timeout=GO_ON), "nobody asks"

    async def endpoint(self, request):
        self.requests.append((dict(request.headers), await request.json()))
        self.loop, self.pieces = asyncio.get_running_loop(), asyncio.Queue()
        for piece in self.first:
            self.pieces.put_nowait(piece)
        self.asked.release()
        return self.answer or LiveStream(self.stream(), media_type="Text/Event-Stream ;charset=UTF-8")

    async def stream(self):
        try:
            while (piece := await self.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                self.sent += 1
        finally:
            self.left.set()


class Setting:
    """A relay in front of a provider, and what is needed to look at them."""

    def __init__(self, stack, store):
        self.stack, self.store = stack, store

    def start(self, provider, **options):
        self.provider = provider
        self.behind = self.stack.enter_context(serve(getattr(provider, "app", provider)))
        return self.relay(upstream=self.behind.url, **options)

    def relay(self, **options):
        self.app = relay.create_app(**{"store": self.store, **options})
        self.edge = self.stack.enter_context(serve(self.app))
        self.tasks = tasks(self.edge)
        self.client = self.stack.enter_context(openai.OpenAI(**self.to(self.edge)))
        return self.client

    def to(self, server):
        return {"base_url": f"{server.url}/v1", "api_key": "a key", "max_retries": 0, "timeout": GO_ON}

    def stream(self, **asked):
        return self.client.chat.completions.create(**ASK, **asked, stream=True)

    def post(self, headers=None, **asked):
        return httpx.post(f"{self.edge.url}/chat", json={**ASK, **asked}, headers=headers, timeout=GO_ON)

    def traces(self, count=1):
        """The traces, when there are that many."""
        return until(lambda: found if len(found := read_traces(self.store)) >= count else None)


def tasks(server):
    """How many tasks there are in the loop of a server."""

    async def count():
        return len(asyncio.all_tasks())

    return asyncio.run_coroutine_threadsafe(count(), server._loop).result(GO_ON)


def until(look):
    """What `look` gives, as soon as it is something."""
    for _ in range(GO_ON * 100):
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("it does not happen")


@pytest.fixture
def setting(tmp_path):
    with ExitStack() as stack:
        setting = Setting(stack, str(tmp_path / "traces.db"))
        yield setting
        if setting.edge.running:
            until(lambda: setting.edge.stats == {**setting.edge.stats, "streams": 0, "generations": 0})
            until(lambda: tasks(setting.edge) == setting.tasks)
    assert setting.edge.last_error is None


def contents(chunks):
    return [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]


def content(data):
    """The text in an event of OpenAI."""
    return None if data == "[DONE]" else json.loads(data)["choices"][0]["delta"].get("content")


def streaming(setting):
    return httpx.stream("POST", f"{setting.edge.url}/chat", json={**ASK, "stream": True}, timeout=GO_ON)


def raw_question(setting, dial, streamed=True, version="1.1"):
    """A connection on which a question was asked."""
    body, raw = json.dumps({**ASK, "stream": streamed}), dial(setting.edge.url)
    raw.sendall(f"POST /chat HTTP/{version}\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return raw


def events_of(body):
    return [event.data for event in SSEDecoder().feed(body)]


# What passes through


@speaking
def test_the_real_client_reads_a_stream_through_the_relay(setting, speaks):
    setting.start(PROVIDERS[speaks].create_app(FAST))
    chunks = list(setting.stream())
    assert contents(chunks) == TOKENS
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({c.id for c in chunks}) == 1


@speaking
def test_the_real_client_reads_an_answer_in_one_piece(setting, speaks):
    setting.start(PROVIDERS[speaks].create_app(FAST))
    answer = setting.client.chat.completions.create(**ASK)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (DEFAULT_TEXT, "stop")
    assert answer.usage.completion_tokens == len(TOKENS)


@speaking
def test_the_real_asynchronous_client_reads_both(setting, speaks):
    setting.start(PROVIDERS[speaks].create_app(FAST))

    async def ask():
        async with openai.AsyncOpenAI(**setting.to(setting.edge)) as client:
            whole = await client.chat.completions.create(**ASK)
            stream = await client.chat.completions.create(**ASK, stream=True)
            return whole.choices[0].message.content, contents([c async for c in stream])

    assert asyncio.run(ask()) == (DEFAULT_TEXT, TOKENS)


@speaking
def test_usage_comes_last_and_only_when_asked_for(setting, speaks):
    setting.start(PROVIDERS[speaks].create_app(FAST))
    assert all(c.choices for c in setting.stream())
    *chunks, last = setting.stream(stream_options={"include_usage": True})
    assert all(c.choices for c in chunks)
    assert (last.choices, last.usage.completion_tokens) == ([], len(TOKENS))
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


@speaking
def test_a_limit_of_tokens_reaches_the_provider_and_its_name_the_client(setting, speaks):
    setting.start(PROVIDERS[speaks].create_app(FAST))
    chunks = list(setting.stream(max_tokens=3))
    assert (contents(chunks), chunks[-1].choices[0].finish_reason) == (TOKENS[:3], "length")
    [trace] = setting.traces()
    assert (trace.ending, trace.status) == ("length", "UNSET")
    assert trace.attributes["gen_ai.request.max_tokens"] == 3


@speaking
@pytest.mark.parametrize(
    ("choice", "name"), [("required", "weather"), ({"type": "function", "function": {"name": "forecast"}}, "forecast")]
)
def test_a_tool_is_called_in_pieces_and_in_one(setting, speaks, choice, name):
    setting.start(PROVIDERS[speaks].create_app(FAST))
    chunks = list(setting.stream(tools=TOOLS, tool_choice=choice))
    deltas = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    arguments = "".join(delta.function.arguments or "" for delta in deltas)
    assert (deltas[0].function.name, json.loads(arguments)) == (name, {"city": "Zürich", "days": 7})
    assert {delta.index for delta in deltas} == {0}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    whole = setting.client.chat.completions.create(**ASK, tools=TOOLS, tool_choice=choice)
    [call] = whole.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == (name, arguments)


def test_a_relay_of_a_relay_gives_the_same(setting):
    setting.start(anthropic_api.create_app(FAST))
    setting.relay(upstream=setting.edge.url)
    assert contents(setting.stream()) == TOKENS
    outer, inner = sorted(setting.traces(2), key=lambda trace: trace.parent_id is not None)
    assert (inner.trace_id, inner.parent_id) == (outer.trace_id, outer.span_id)
    assert {trace.attributes["gen_ai.provider.name"] for trace in (outer, inner)} == {"openai", "anthropic"}


def test_without_an_upstream_it_brings_a_provider_of_its_own(setting):
    setting.relay(model=FAST)
    assert contents(setting.stream()) == TOKENS
    assert setting.post().json()["choices"][0]["message"]["content"] == DEFAULT_TEXT


def test_each_token_is_passed_on_before_the_provider_makes_the_next(setting):
    provider, rest, seen = Provider(START, text("one")), iter(["two", "three"]), []
    setting.start(provider)
    with streaming(setting) as answer:
        decoder = SSEDecoder()
        for part in answer.iter_raw():
            for event in decoder.feed(part):
                seen.append(event.data)
                if content(event.data):
                    token = next(rest, None)
                    provider.say(text(token) if token else said(END) + said(STOP))
    assert [content(data) for data in seen] == ["", "one", "two", "three", None, None]
    assert seen[-1] == "[DONE]"


def test_done_is_sent_although_the_provider_keeps_its_connection_open(setting):
    provider = Provider(chunk("one", "stop"), b"data: [DONE]\n\n", path="/v1/chat/completions")
    setting.start(provider)
    assert contents(setting.stream()) == ["one"]
    assert provider.left.wait(GO_ON), "the relay leaves a provider that has ended"


HALVES = [chunk("a"), chunk("\ud83d"), chunk("\udc4d", "stop"), b"data: [DONE]\n\n"]


def test_a_character_that_the_provider_has_cut_in_two_arrives_in_its_halves_or_whole(setting):
    setting.start(Provider(*HALVES, path="/v1/chat/completions"))
    assert [token.encode("utf-16-le", "surrogatepass") for token in contents(setting.stream())] == [
        b"a\0",
        b"\x3d\xd8",
        b"\x4d\xdc",
    ]
    assert setting.client.chat.completions.create(**ASK).choices[0].message.content == "a👍"
    assert [trace.ending for trace in setting.traces(2)] == ["complete"] * 2


def test_half_a_character_in_one_piece_is_replaced(setting):
    setting.start(Provider(chunk("a\ud83d", "stop"), b"data: [DONE]\n\n", path="/v1/chat/completions"))
    assert setting.post().json()["choices"][0]["message"]["content"] == "a\ufffd"


def test_a_provider_with_a_certificate_of_its_own_is_trusted_by_the_usual_variable(setting, monkeypatch):
    with serve(anthropic_api.create_app(FAST), tls=True) as provider:
        setting.relay(upstream=provider.url)
        assert setting.post().status_code == 502
        setting.edge.stop()
        with monkeypatch.context() as environment:
            environment.setenv("SSL_CERT_FILE", provider.ca_file)
            setting.relay(upstream=provider.url)
        assert setting.post().json()["choices"][0]["message"]["content"] == DEFAULT_TEXT


# Who leaves, and who does not read


def test_when_the_client_leaves_the_provider_is_left_and_the_trace_closed(setting):
    provider = Provider(START, text("one"), text("two"))
    setting.start(provider)
    with streaming(setting) as answer:
        seen = b""
        for part in answer.iter_raw():
            seen += part
            if b"two" in seen:
                break
    assert provider.left.wait(GO_ON)
    [trace] = setting.traces()
    assert (trace.ending, trace.status, trace.attributes["course.stream.tokens"]) == ("cancelled", "UNSET", 2)
    assert "error.type" not in trace.attributes


@pytest.mark.parametrize("begun", ["no head", "a head", "a role"])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_before_the_first_token_ends_a_silent_provider(setting, dial, begun, streamed):
    provider = Provider(*{"no head": [], "a head": [b": hello\n\n"], "a role": [START]}[begun])
    setting.start(provider)
    raw = raw_question(setting, dial, streamed)
    provider.wait()
    until(lambda: provider.sent == (begun != "no head"))
    raw.close()
    assert provider.left.wait(GO_ON)
    [trace] = setting.traces()
    assert (trace.ending, trace.attributes["course.stream.tokens"]) == ("cancelled", 0)


@pytest.mark.parametrize("moment", ["send", "aclose"])
def test_no_moment_of_leaving_leaves_a_connection_to_the_provider(monkeypatch, moment):
    """Cancelled at each turn of the loop after the asking, or the closing, has begun."""
    provider = Provider(*([START, text("one"), said(END), said(STOP)] if moment == "aclose" else []))  # no end follows
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    async def leave(relay_side, turns):
        begun, original = asyncio.Event(), getattr(httpx.AsyncClient, moment)

        async def begin(*args, **options):
            begun.set()
            return await original(*args, **options)

        async def read():
            return [chunk async for chunk in Call(relay_side, ASK, {}).chunks()]

        with monkeypatch.context() as patch:
            patch.setattr(httpx.AsyncClient, moment, begin)
            reading = asyncio.create_task(read())
            await begun.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])

    async def leave_at_all_turns(url):
        relay_side = provider_module.Provider(url, httpx.AsyncClient, tracer, Deadlines())
        for turns in range(30):
            await leave(relay_side, turns)
        await asyncio.to_thread(until, lambda: behind.stats["connections"] == 0)

    with serve(provider.app) as behind:
        asyncio.run(leave_at_all_turns(behind.url))


def test_a_client_that_does_not_read_stops_the_reading_of_the_provider(setting, dial):
    class Torrent(Provider):
        async def stream(self):
            yield START
            for self.sent in range(TORRENT):
                yield text(f"{self.sent:05d}" + "x" * 60_000)
            yield said(END) + said(STOP)

    provider = Torrent()
    setting.start(provider)
    raw = raw_question(setting, dial, version="1.0")
    before, still = -1, 0
    while still < 50:  # what the system holds for two connections is full when nothing moves for half a second
        still = still + 1 if provider.sent == before and before > 0 else 0
        before = provider.sent
        time.sleep(0.01)
    assert before < TORRENT - 1, "the provider was read although the client does not read"
    size = 0
    while part := raw.recv(1_000_000):
        size += len(part)
        last = part
    assert size > TORRENT * 60_000
    assert last.endswith(b"data: [DONE]\n\n")


TORRENT = 1000


def test_many_clients_of_which_half_leave_give_one_trace_each(setting):
    setting.start(anthropic_api.create_app(FAST, "stall@20:1000s"))

    async def ask(client, number):
        question = {**ASK, "stream": True, "max_tokens": 99 if number % 2 else 9}
        async with client.stream("POST", f"{setting.edge.url}/chat", json=question) as answer:
            async for _ in answer.aiter_raw():
                if number % 2:
                    return

    async def everybody():
        async with httpx.AsyncClient(timeout=GO_ON) as client:
            await asyncio.gather(*(ask(client, number) for number in range(30)))

    asyncio.run(everybody())
    traces = setting.traces(30)
    assert sorted(trace.ending for trace in traces) == ["cancelled"] * 15 + ["length"] * 15
    assert len({trace.span_id for trace in traces}) == 30


def test_a_server_that_stops_tells_its_clients_and_closes_the_trace(setting):
    provider = Provider(START, text("one"))
    setting.start(provider)
    stream = setting.stream()
    assert contents([next(stream), next(stream)]) == ["one"]
    setting.edge.stop()
    with pytest.raises(openai.APIError, match="shutting down"):
        next(stream)
    assert provider.left.wait(GO_ON)
    assert [trace.ending for trace in read_traces(setting.store)] == ["cancelled"]


# What fails before the first token


def refused(status, message="a secret", **headers):
    return JSONResponse({"type": "error", "error": {"type": "x", "message": message}}, status, headers)


EARLY = {  # what the provider does: the status for the client, what it is told, error.type of the span
    "a bad question": (refused(400, "max_tokens: too many"), 400, "too many", "400"),
    "too many": (refused(429, "slow down", **{"retry-after": "7"}), 429, "slow down", "429"),
    "half a character": (Response(b'{"error": {"message": "no \\ud83d"}}', 400), 400, "no ?", "400"),
    "a wrong key": (refused(401), 502, "has failed (status 401)", "401"),
    "a failure": (refused(500), 502, "has failed (status 500)", "500"),
    "overloaded": (refused(529), 503, "has failed (status 529)", "529"),
    "not found": (refused(404), 502, "has failed (status 404)", "404"),
    "a page": (PlainTextResponse("<html>a secret"), 502, "no event stream", "no_event_stream"),
    "a redirection": (PlainTextResponse("a secret", 302, {"location": "/"}), 502, "has failed (status 302)", "302"),
    "an error event": ([OVERLOADED], 503, "overloaded_error", "overloaded_error"),
    "an odd error event": ([said({"type": "error", "error": {"type": "\ud83d"}})], 502, "an error (error)", "error"),
    "an error behind the head": ([START, OVERLOADED], 503, "overloaded_error", "overloaded_error"),
    "no JSON": ([START, b"data: {a secret\n\n"], 502, "cannot be read", "unreadable_event"),
    "no object": ([START, b"data: 7\n\n"], 502, "cannot be read", "unreadable_event"),
    "a clean end": ([START, None], 502, "cut off", "truncated"),
    "nothing": ([None], 502, "cut off", "truncated"),
    "a cut": ([START, HangUp()], 502, "cut off", "RemoteProtocolError"),
    "a reset": ([START, HangUp(reset=True)], 502, "cut off", "ReadError"),
    "too large": ([b"data: " + b"x" * 1_100_000], 502, "too large", "too_large"),
    "late": ([START], 504, "too long", "timeout"),
    "silence": ([], 504, "too long", "timeout"),
}
IN_TRUTH = {"a clean end": "truncated", "nothing": "truncated", "a cut": "truncated", "a reset": "truncated"}


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("name", EARLY)
def test_what_fails_before_the_first_token_has_a_status(setting, name, streamed):
    does, status, told, error_type = EARLY[name]
    provider = Provider(*does) if isinstance(does, list) else Provider(answer=does)
    patience = Deadlines(first=0.3) if name in ("late", "silence") else None
    setting.start(provider, deadlines=patience)
    answer = setting.post(stream=streamed)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert told in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    if name == "too many":
        assert answer.headers["retry-after"] == "7"
    [trace] = setting.traces()
    assert (trace.ending, trace.status) == (IN_TRUTH.get(name, "error"), "ERROR")
    assert trace.attributes["error.type"] == error_type


def test_a_provider_that_is_not_there_is_a_502_for_the_real_client(setting):
    setting.relay(upstream="http://127.0.0.1:1/v1")
    with pytest.raises(openai.InternalServerError, match="cannot be reached") as raised:
        setting.stream()
    assert raised.value.status_code == 502
    assert [trace.attributes["error.type"] for trace in setting.traces()] == ["ConnectError"]


def test_an_upstream_that_leads_back_is_noticed(setting):
    setting.start(provider := Provider(START, text("one"), said(END), said(STOP)))
    assert setting.post(headers={"via": "1.1 somebody"}).status_code == 200
    [(fields, _)] = provider.requests
    assert fields["via"].startswith("1.1 somebody, 1.1 course-relay-")
    answer = setting.post(headers={"via": f"{fields['via']}, 1.1 another"})
    assert (answer.status_code, len(provider.requests)) == (508, 1)
    assert setting.post(headers={"via": "1.1 é".encode()}).status_code == 200


def test_a_bad_question_costs_no_call(setting):
    provider = Provider()
    setting.start(provider)
    for asked in ({"messages": []}, {"n": 2}, {"stream": "yes"}, {"max_tokens": 0}, {"tool_choice": 7}):
        answer = setting.post(**asked)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert (provider.requests, read_traces(setting.store)) == ([], [])


# What fails later

LATER = {  # what the provider does after one token: the ending, error.type of the span
    "a clean end": ([None], "truncated", "truncated"),
    "a cut": ([HangUp()], "truncated", "RemoteProtocolError"),
    "a reset": ([HangUp(reset=True)], "truncated", "ReadError"),
    "an end without message_stop": ([said(END), HangUp()], "truncated", "RemoteProtocolError"),
    "an error event": ([OVERLOADED], "error", "overloaded_error"),
    "no JSON": ([b"data: {a secret\n\n"], "error", "unreadable_event"),
    "silence": ([], "error", "timeout"),
    "too long": ([], "error", "timeout"),
}
PATIENCE = {"silence": Deadlines(gap=3), "too long": Deadlines(total=3)}  # long enough for the first token


@pytest.mark.parametrize("name", LATER)
def test_what_fails_later_is_an_error_event_and_nothing_that_looks_whole(setting, name):
    does, ending, error_type = LATER[name]
    setting.start(Provider(START, text("one"), *does), deadlines=PATIENCE.get(name))
    answer = setting.post(stream=True)
    events = events_of(answer.content)
    assert (answer.status_code, len(events)) == (200, 3)
    assert json.loads(events[1])["choices"][0]["delta"] == {"content": "one"}
    error = json.loads(events[2])["error"]
    assert (error["code"], "secret" in error["message"]) == (error_type, False)
    assert 'finish_reason": "' not in answer.text
    assert "[DONE]" not in answer.text
    [trace] = setting.traces()
    assert (trace.ending, trace.status, trace.attributes["error.type"]) == (ending, "ERROR", error_type)


@pytest.mark.parametrize("fault", ["cut@2", "reset@2", "truncate@2", "error@2", "garble@2"])
@speaking
def test_the_real_client_never_takes_a_broken_answer_for_a_whole_one(setting, speaks, fault):
    setting.start(PROVIDERS[speaks].create_app(FAST, fault))
    seen, stream = [], setting.stream()
    with pytest.raises(openai.APIError):
        seen.extend(token for c in stream for token in contents([c]))
    assert seen == TOKENS[:2]
    assert setting.traces()[0].ending == ("error" if fault[0] in "eg" else "truncated")
    with pytest.raises(openai.InternalServerError):
        setting.client.chat.completions.create(**ASK)


@pytest.mark.parametrize("last", [chunk("two"), chunk("two") + b"data: [DONE]\n\n", chunk("two", "stop")])
def test_an_openai_answer_without_finish_reason_or_without_done_is_truncated(setting, last):
    setting.start(Provider(chunk("one"), last, None, path="/v1/chat/completions"))
    answer = setting.post(stream=True)
    assert "[DONE]" not in answer.text
    assert json.loads(events_of(answer.content)[-1])["error"]["code"] == "truncated"
    assert [trace.ending for trace in setting.traces()] == ["truncated"]


def test_a_ping_sends_the_head_and_then_an_early_failure_is_an_event(setting):
    provider = Provider()
    setting.start(provider, ping=0.05)
    with streaming(setting) as answer:
        parts = answer.iter_raw()
        assert next(parts).startswith(b": ping")
        provider.wait()
        provider.say(OVERLOADED)
        rest = b"".join(parts)
    assert answer.status_code == 200
    assert json.loads(events_of(rest)[-1])["error"]["code"] == "overloaded_error"


def test_a_client_that_never_reads_is_cut_off_after_the_last_deadline(setting, dial, monkeypatch):
    class Torrent(Provider):
        async def stream(self):
            try:
                while True:
                    yield START + text("x" * 60_000)
            finally:
                self.left.set()

    monkeypatch.setattr(relay, "GRACE", 0.1)
    provider = Torrent()
    setting.start(provider, deadlines=Deadlines(total=1))
    raw_question(setting, dial)
    assert provider.left.wait(GO_ON)
    assert len(setting.traces()) == 1


# Faults of the relay itself


@pytest.mark.parametrize("speaks", ["anthropic"])
@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ("cut@3", "truncated"),
        ("reset@3", "truncated"),
        ("truncate@3", "truncated"),
        ("error@3", "error"),
        ("garble@3", "complete"),
        ("stall@3:1ms", "complete"),
        ("slow_start:1ms", "complete"),
        ("truncate@40", "truncated"),
    ],
)
def test_its_own_faults_are_played_towards_the_client(setting, speaks, fault, ending):
    setting.start(PROVIDERS[speaks].create_app(FAST), faults=fault)
    seen, reader, broken = b"", EndingReader("openai_chat"), None
    try:
        with streaming(setting) as answer:
            for part in answer.iter_raw():
                seen += part
    except httpx.TransportError as error:
        broken = type(error).__name__
    events = SSEDecoder().feed(seen)
    for event in events:
        reader.feed(event)
    assert reader.close(broken) == ending
    assert (broken is not None) == (fault[:3] in ("cut", "res"))
    tokens = sum('"content": "' in event.data and "role" not in event.data for event in events)
    assert tokens == {"3": 3, "0": 40}[fault.partition(":")[0][-1]] if ending != "complete" else tokens in (39, 40)


def test_a_stall_behind_the_last_token_is_played_once_and_before_the_end():
    """In virtual time: what is said when."""

    def chunk(delta, reason=None):
        return {"choices": [{"delta": delta, "finish_reason": reason}]}

    async def said_by_the_provider():
        for piece in (chunk({"role": "assistant"}), chunk({"content": "one"}), chunk({}, "stop"), "[DONE]"):
            yield piece

    async def times():
        clock = asyncio.get_running_loop().time
        plan = FaultPlan.parse("slow_start:1s, stall@0:2s, stall@1:4s")
        return [clock() async for _ in relay.spoilt(said_by_the_provider(), plan)]

    assert in_jumps(times) == pytest.approx([1, 3, 7, 7])


def test_a_fault_of_the_relay_spares_the_next_answer(setting):
    setting.start(anthropic_api.create_app(FAST), faults="status@0:429*1")
    assert [setting.post().status_code for _ in range(2)] == [429, 200]
    assert [trace.ending for trace in setting.traces()] == ["complete"]


def test_its_own_faults_reach_an_answer_in_one_piece(setting):
    setting.start(anthropic_api.create_app(FAST), faults="error@3")
    assert setting.post().status_code == 502


# Impossible settings


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"faults": "split:1"}, "token fault"),
        ({"upstream": "nowhere"}, "http://127.0.0.1:8000"),
        ({"upstream": "ftp://127.0.0.1"}, "URL"),
        ({"upstream": "http://127.0.0.1:1", "model": FAST}, "leave out one"),
        ({"deadlines": Deadlines(gap=0)}, "above 0"),
        ({"deadlines": (1, 1, 1)}, "Deadlines"),
        ({"store": ""}, "path of a file"),
        ({"store": 5}, "path of a file"),
        ({"ping": 0}, "above 0"),
        ({"model": "Hi"}, "ScriptedModel"),
    ],
)
def test_impossible_settings_are_refused_at_once(options, told):
    with pytest.raises(MisuseError, match=told):
        create("relay", **options)


def test_a_store_that_cannot_be_opened_is_told_at_the_start(tmp_path):
    for store in (tmp_path / "no" / "traces.db", tmp_path):
        with pytest.raises(ServerError, match="cannot be used for traces"):
            serve(relay.create_app(store=store))

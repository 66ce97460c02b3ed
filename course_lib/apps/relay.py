"""A relay between a client and a model provider: edge, provider, client, with a trace of each call.

    POST /v1/chat/completions, and /chat, in the words of OpenAI (stream and not)

    import openai
    from course_lib import serve
    from course_lib.apps import anthropic_api, relay
    from course_lib.apps.traces import read_traces

    with serve(anthropic_api.create_app()) as provider:
        with serve(relay.create_app(upstream=provider.url, store="traces.db")) as edge:
            client = openai.OpenAI(base_url=f"{edge.url}/v1", api_key="none")
            asked = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
            for chunk in client.chat.completions.create(**asked, stream=True):
                print(chunk.choices[0].delta.content or "", end="", flush=True)
    print(*read_traces("traces.db"), sep="\\n")

Rule: an event is passed on before the next is read. So a client that does not read stops the reading of the provider,
nothing is buffered but one read and one event, and when the client leaves, the provider is left at once, even while it
is silent. What fails before the first token has a status: the provider's own for a bad question (400, 413, 422) and
for 429, with its `retry-after`; 503 when it is overloaded, 504 when it is late, 502 for anything else. What fails later
(or after a ping, which sends the head) is an error event and then the end: no finish_reason, no [DONE] that the
provider has not sent. So is a truncated answer, because to the `openai` client a clean end without [DONE] is a success.
The span of a call is closed once, in one `finally`, whoever ends it; then `traces` has it.
Left out: keys (none are passed on, neither are other headers but `traceparent` and `via`), retries, and keeping the
provider's connection for the next question.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from course_lib.apps import anthropic_api
from course_lib.apps.call import DONE, Call
from course_lib.apps.live import STOPPING, HangUp, generation, services_of
from course_lib.apps.openai_api import GARBAGE
from course_lib.apps.play import GARBLED, EndEarly, faults_of, prepared
from course_lib.apps.provider import Deadlines, Failed, Provider, check_url
from course_lib.apps.request import BadRequest, error_answer, error_body, flag, on_http_error, read_json, to_json
from course_lib.apps.sse import EventStream
from course_lib.apps.traces import SQLiteExporter, Writer
from course_lib.apps.translate import has_content, in_one
from course_lib.apps.whole import in_one_piece
from course_lib.errors import MisuseError
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import encode_event

GRACE = 1.0  # seconds behind the last deadline, after which a client that does not read is cut off
MAX_HELD = 100  # chunks that wait for the first token
MAX_WHOLE = 8_000_000  # characters of an answer in one piece, as chunks
Chunk = dict[str, Any] | str | None  # a chunk of OpenAI, [DONE], or GARBLED


class Answer:
    """What a client gets for one question: a stream, or a completion in one piece."""

    def __init__(self, request: Request, call: Call, plan: FaultPlan) -> None:
        self.request = request
        self.call = call
        self.plan = plan
        self.stream: EventStream | None = None
        self.kept: list[dict[str, Any]] = []

    async def events(self) -> AsyncIterator[bytes]:
        """The stream. What comes before the first token waits for it: HTTPException when there will be none."""
        held: list[Chunk] = []
        with generation(self.request.scope), self._cut_off():
            async with aclosing(spoilt(self.call.chunks(), self.plan)) as chunks:
                try:
                    async for chunk in chunks:
                        held.append(chunk)
                        if self.call.tokens or chunk == DONE or len(held) > MAX_HELD:
                            for piece in held:
                                yield _event(piece)
                            held.clear()
                except EndEarly:
                    return
                except Failed as failure:
                    if self.stream is None or not self.stream.started:
                        raise _as_status(failure) from None
                    body = error_body(failure.status, failure.message)
                    body["error"]["code"] = failure.kind
                    yield _event(body)

    async def pieces(self) -> AsyncGenerator[str | None, None]:
        """Fills `kept`, for an answer in one piece; yields as `in_one_piece` wants it."""
        size = 0
        async with aclosing(spoilt(self.call.chunks(), self.plan)) as chunks:
            try:
                async for chunk in chunks:
                    if isinstance(chunk, dict):
                        self.kept.append(chunk)
                        size += len(to_json(chunk))
                        if size > MAX_WHOLE:
                            raise Failed(502, "The provider's answer is too large.", "too_large")
                    yield GARBLED if chunk is GARBLED else ""
            except Failed as failure:
                raise _as_status(failure) from None

    @contextmanager
    def _cut_off(self) -> Iterator[None]:
        """Reset the connection of a client that does not read, some time after the last deadline."""
        loop, doing = asyncio.get_running_loop(), list[asyncio.Task[None]]()
        services = services_of(self.request.scope)
        if services is None:
            yield
            return
        wait = self.call.provider.deadlines.total + GRACE
        timer = loop.call_later(wait, lambda: doing.append(loop.create_task(services.hang_up(reset=True))))
        try:
            yield
        finally:
            timer.cancel()


def _event(chunk: Chunk) -> bytes:
    if chunk is GARBLED:
        return GARBAGE
    try:
        return encode_event(chunk if isinstance(chunk, str) else to_json(chunk))
    except MisuseError:  # half of a surrogate pair: a provider has cut a character in two, whose other half comes next
        return encode_event(json.dumps(chunk))


def _whole(chunks: list[dict[str, Any]]) -> Any:
    """The halves of a character come together; one that stays alone is U+FFFD."""
    return json.loads(to_json(in_one(chunks)).encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _as_status(failure: Failed) -> HTTPException:
    return HTTPException(failure.status, failure.message, failure.headers)


async def spoilt(chunks: AsyncGenerator[dict[str, Any] | str, None], plan: FaultPlan) -> AsyncGenerator[Chunk, None]:
    """The faults of a plan, played on what goes to the client: before the token at their place, or before the end."""
    faults, sent = list(plan.faults), 0
    async with aclosing(chunks):
        await asyncio.sleep(sum(fault.seconds for fault in plan.of("slow_start")))
        async for chunk in chunks:
            token, garbled = isinstance(chunk, dict) and has_content(chunk), False
            for fault in [fault for fault in faults if fault.at == sent and (token or sent or chunk == DONE)]:
                faults.remove(fault)
                if fault.name == "stall":
                    await asyncio.sleep(fault.seconds)
                elif fault.name in ("cut", "reset"):
                    raise HangUp(reset=fault.name == "reset")
                elif fault.name == "truncate":
                    raise EndEarly
                elif fault.name == "error":
                    raise Failed(502, "The relay failed, as its fault plan says.", "fault")
                garbled = garbled or fault.name == "garble"
            yield GARBLED if garbled and token else chunk
            sent += token


def create_app(
    model: ScriptedModel | None = None,
    faults: FaultPlan | str | None = None,
    *,
    upstream: str | None = None,
    store: str | Path | SpanExporter | None = None,
    deadlines: Deadlines | None = None,
    ping: float | None = 15.0,
) -> Starlette:
    """The relay as an ASGI app.

    upstream: the URL of a provider that speaks as Anthropic or as OpenAI; None starts `anthropic_api` with `model`,
    on a port of its own. faults: played towards the client. store: the file for traces, or an exporter of
    OpenTelemetry; None keeps none. While the app runs, `app.state.writer.dropped` counts spans that were lost.
    ping: seconds of silence after which the client gets a comment, None for never.
    MisuseError for a fault that is not a token fault, an upstream that is no URL, a model beside an upstream, or a
    deadline that is no positive time; at start-up for a store that cannot be opened.
    """
    (_, plan), numbers, limits = prepared(model, faults, ping), itertools.count(), deadlines or Deadlines()
    if upstream is not None and model is not None:
        raise MisuseError("the upstream answers, not a model: leave out one of them")
    if store == "" or not isinstance(store, str | Path | SpanExporter | None):
        raise MisuseError(f"store is the path of a file for traces, an exporter, or None for none; got {store!r}")
    if not isinstance(limits, Deadlines) or not all(isinstance(limit, int | float) and limit > 0 for limit in limits):
        raise MisuseError(f"deadlines are Deadlines, each a number of seconds above 0; got {limits!r}")
    address = check_url(upstream) if upstream is not None else None

    async def chat(request: Request) -> Response:
        if request.state.provider.name in request.headers.get("via", ""):
            return error_answer(508, "The upstream of this relay leads back to it.")
        asked = await read_json(request)
        streamed = flag(asked, "stream")
        if asked.get("n") not in (None, 1):
            raise BadRequest("'n' must be 1 here.", "n")
        here = faults_of(plan, next(numbers))
        answer = Answer(request, Call(request.state.provider, asked, request.headers), here)
        if not streamed:
            return await in_one_piece(request, answer.pieces(), lambda *_: _whole(answer.kept))
        answer.stream = EventStream(answer.events(), ping=ping, goodbye=to_json(error_body(503, STOPPING)))
        return answer.stream

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        exporter = SQLiteExporter(store) if isinstance(store, str | Path) else store
        resource = Resource({"service.name": "course-relay"})
        tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        app.state.writer = Writer(exporter) if exporter is not None else None
        if app.state.writer is not None:
            tracers.add_span_processor(app.state.writer)
        own = None
        try:
            own = serve(anthropic_api.create_app(model), name="provider") if address is None else None
            url = address or (own.url if own is not None else "")
            trusted = httpx.create_ssl_context() if url.lower().startswith("https:") else False  # heeds SSL_CERT_FILE
            connect = partial(httpx.AsyncClient, verify=trusted, timeout=None, trust_env=False)  # `call` has deadlines
            yield {"provider": Provider(url, connect, tracers.get_tracer("course_lib.apps.relay"), limits)}
        finally:
            tracers.shutdown()
            if own is not None:
                own.stop()

    return Starlette(
        routes=[Route(path, chat, methods=["POST"]) for path in ("/v1/chat/completions", "/chat")],
        exception_handlers={HTTPException: on_http_error},
        lifespan=lifespan,
    )

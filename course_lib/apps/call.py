"""One call of a relay to its provider: asked, read event by event, translated, timed, and traced to its end.

Rule: one event is read, then passed on, then the next is read. Everything that can wait has a deadline. However it
ends (the provider, the network, a deadline, a client that leaves, a server that stops), the provider's connection and
the span are closed in one `finally`. Left out: what the client sees (`relay`), and where spans go (`traces`).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import httpx
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from course_lib.apps.provider import Failed, Provider, late
from course_lib.apps.traces import ENDING, FIRST, TOKENS
from course_lib.apps.translate import ERRORS, FromAnthropic, FromOpenAI, has_content
from course_lib.endings import Ending, EndingReader
from course_lib.errors import WireError
from course_lib.wire.sse import ServerSentEvent, SSEDecoder

DONE = "[DONE]"
_w3c = TraceContextTextMapPropagator()


class Call:
    """One question. headers: those of the client's request, for its `traceparent` and `via`."""

    def __init__(self, provider: Provider, asked: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """BadRequest when the question cannot be asked in the provider's words."""
        self.provider = provider
        self.asked = asked
        self.headers = headers
        options = asked.get("stream_options")
        wanted = isinstance(options, dict) and options.get("include_usage") is True
        self.include_usage = wanted or not asked.get("stream")
        self.tokens = 0
        self.error_type: str | None = None
        self._transport_error: str | None = None
        self._use(provider.reader or FromAnthropic)

    def _use(self, reader: type[FromOpenAI]) -> None:
        self.question = reader.question(self.asked)
        self.reader = reader(include_usage=self.include_usage)
        self.endings = EndingReader(reader.vocabulary)

    async def chunks(self) -> AsyncGenerator[dict[str, Any] | str, None]:
        """The chunks of OpenAI as the provider makes them, [DONE] last. Failed when there is no whole answer."""
        clock = asyncio.get_running_loop().time
        self._began = clock()
        span = self._span()
        ending: Ending = "error"
        try:
            async with self._response(span) as response, aclosing(self._events(response)) as events:
                async for event in events:
                    for chunk in self._taken(event):
                        if has_content(chunk):
                            if not self.tokens:
                                span.set_attribute(FIRST, clock() - self._began)
                                span.add_event("first token")
                            self.tokens += 1
                        yield chunk
                    if self.endings.decided:
                        break
            ending = self.endings.close(self._transport_error)
            if ending == "truncated":
                kind = self._transport_error or "truncated"
                raise Failed(502, "The provider's answer was cut off before its end.", kind)
            for chunk in self.reader.end():
                yield chunk
            yield DONE
        except (asyncio.CancelledError, GeneratorExit):
            ending = self.endings.close("cancelled")
            raise
        except Exception as error:
            self.error_type = error.kind if isinstance(error, Failed) else type(error).__name__
            raise
        finally:
            self._finalise(span, ending)

    def _taken(self, event: ServerSentEvent) -> list[dict[str, Any]]:
        if event.data == DONE:
            self.endings.feed(event)
            return []
        try:
            value = json.loads(event.data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Failed(502, "The provider has sent an event that cannot be read.", "unreadable_event")
        if self.endings.feed({"event": event.event, "data": value}) == "error":
            error = value.get("error")
            named = error.get("type") if isinstance(error, dict) else None
            kind = named[:100] if isinstance(named, str) and named.isascii() and named else "error"
            raise Failed(ERRORS.get(kind, 502), f"The provider has reported an error ({kind}).", kind)
        return self.reader.feed(value)

    @asynccontextmanager
    async def _response(self, span: Span) -> AsyncIterator[httpx.Response]:
        """The provider's answer, whose head says that it is a stream of events. Closed at once behind the block.

        A client for each call: httpcore keeps a connection whose use was cancelled in its first moment, for ever.
        """
        client = self.provider.connect()
        try:
            response = await self._ask(client, span)
            if response.status_code in (404, 405) and self.provider.reader is None:  # it knows no /v1/messages
                await response.aclose()
                self._use(FromOpenAI)
                response = await self._ask(client, span)
            await self.provider.check(response)
            self.provider.reader = type(self.reader)
            yield response
        finally:
            await client.aclose()

    async def _ask(self, client: httpx.AsyncClient, span: Span) -> httpx.Response:
        """Send the question; the answer, of which the head has come. Failed when there is none in time."""
        provider, reader, behind = self.provider, self.reader, self.headers.get("via", "")
        span.set_attribute("gen_ai.provider.name", reader.provider)
        # no compression: whoever compresses has to wait for more
        fields = {"accept": "text/event-stream", "accept-encoding": "identity", **reader.headers}
        fields["via"] = f"{behind}, 1.1 {provider.name}" if behind and behind.isascii() else f"1.1 {provider.name}"
        _w3c.inject(fields, set_span_in_context(span))
        request = client.build_request("POST", provider.url + reader.path, json=self.question, headers=fields)
        try:
            async with asyncio.timeout_at(self._began + min(provider.deadlines.first, provider.deadlines.total)):
                return await client.send(request, stream=True)
        except TimeoutError:
            raise late() from None
        except httpx.HTTPError as error:
            raise Failed(502, "The provider cannot be reached.", type(error).__name__) from None

    async def _events(self, response: httpx.Response) -> AsyncGenerator[ServerSentEvent, None]:
        clock, (first, gap, total) = asyncio.get_running_loop().time, self.provider.deadlines
        decoder = SSEDecoder()
        async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_raw())) as reads:
            while True:
                limits = [clock() + gap, self._began + total] + [self._began + first] * (not self.tokens)
                try:
                    async with asyncio.timeout_at(min(limits)):
                        data = await anext(reads, b"")
                    events = decoder.feed(data)
                except TimeoutError:
                    raise late() from None
                except httpx.HTTPError as error:
                    self._transport_error = type(error).__name__
                    return
                except WireError:
                    raise Failed(502, "The provider has sent an event that is too large.", "too_large") from None
                if not data:
                    return
                for event in events:
                    yield event

    def _span(self) -> Span:
        asked, most = self.asked, self.asked.get("max_completion_tokens") or self.asked.get("max_tokens")
        model = asked.get("model")
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": model if isinstance(model, str) else None,
            "gen_ai.request.stream": True,
            "gen_ai.request.max_tokens": most if isinstance(most, int) else None,
            **self.provider.where,
        }
        return self.provider.tracer.start_span(
            f"chat {model}" if isinstance(model, str) else "chat",
            context=_w3c.extract(self.headers),
            kind=SpanKind.CLIENT,
            attributes={name: value for name, value in attributes.items() if value is not None},
        )

    def _finalise(self, span: Span, ending: Ending) -> None:
        reader, reason = self.reader, self.endings.reason
        attributes = {
            ENDING: ending,
            TOKENS: self.tokens,
            "gen_ai.response.id": reader.id,
            "gen_ai.response.model": reader.model,
            "gen_ai.response.finish_reasons": (reason,) if reason else None,
            "gen_ai.usage.input_tokens": reader.input_tokens,
            "gen_ai.usage.output_tokens": reader.output_tokens,
            "error.type": self.error_type,
        }
        span.set_attributes({name: value for name, value in attributes.items() if value is not None})
        if self.error_type is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

"""An answer as events: the part of a stream that is the same in every vocabulary.

Rule: nothing is sent before there is a token, so that a model that fails before it has a status; what happens later is
told by an event. An answer without tokens begins and ends all the same.
Left out: what the events look like, which subclasses say; answers in one piece (`whole`); the connection (`live`).
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course_lib.apps.live import STOPPING, generation
from course_lib.apps.play import GARBLED, EndEarly, ModelFailed
from course_lib.apps.request import to_json
from course_lib.apps.sse import EventStream
from course_lib.apps.whole import in_one_piece


class Answer(ABC):
    """tokens: of `play`. `sent` counts those that were."""

    stream_class = EventStream

    def __init__(self, tokens: AsyncGenerator[str | None, None]) -> None:
        self.tokens = tokens
        self.sent = 0

    @abstractmethod
    def start(self) -> bytes:
        """The events before the first token."""

    def mould(self, event: bytes) -> None:
        """Cut the events of tokens from this one, at its last empty text: their JSON took half of a stream's time."""
        self._before, _, self._after = event.decode().rpartition('""')

    def token(self, token: str) -> bytes:
        """The event of a token; from the mould, unless a subclass says otherwise."""
        return f"{self._before}{to_json(token)}{self._after}".encode()

    @abstractmethod
    def garbled(self) -> bytes:
        """An event in the place of a token, that cannot be parsed."""

    @abstractmethod
    def end(self) -> bytes:
        """The events after the last token."""

    @abstractmethod
    def failure(self, status: int, message: str) -> bytes:
        """The events of a failure, which end the stream."""

    @abstractmethod
    def whole(self, text: str, count: int) -> dict[str, Any]:
        """The answer in one piece, as JSON: the text of so many tokens."""

    async def response(
        self, request: Request, *, stream: bool, ping: float | None, headers: Mapping[str, str] | None = None
    ) -> Response:
        if not stream:
            return await in_one_piece(request, self.tokens, self.whole, headers)
        self.stream = self.stream_class(self.events(request), ping=ping, headers=headers)
        return self.stream

    async def events(self, request: Request) -> AsyncIterator[bytes]:
        """Ends without `end` when the plan says so. HTTPException 500 for a failure before anything was sent."""
        try:
            with generation(request.scope):
                async with aclosing(self.tokens):
                    async for token in self.tokens:
                        if not self.sent:
                            yield self.start()
                        self.sent += 1
                        yield self.garbled() if token is GARBLED else self.token(token)
            if not self.sent:
                yield self.start()
            yield self.end()
        except EndEarly:
            return
        except ModelFailed as error:
            if not self.stream.started:
                raise HTTPException(500, str(error)) from None
            yield self.failure(500, str(error))
        finally:
            self.stream.goodbye = self.failure(503, STOPPING)  # known only now: it counts events

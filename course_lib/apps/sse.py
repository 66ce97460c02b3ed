"""`EventStream`: Server-Sent Events as a response, for any Starlette or FastAPI endpoint.

    import httpx
    from starlette.applications import Starlette
    from starlette.routing import Route
    from course_lib import serve
    from course_lib.apps.sse import EventStream, last_event_id
    from course_lib.wire.sse import ServerSentEvent

    async def count(first):
        for number in range(first, 4):
            yield ServerSentEvent(data=f"number {number}", id=str(number))

    async def endpoint(request):
        return EventStream(count(int(last_event_id(request) or 0) + 1))

    with serve(Starlette(routes=[Route("/", endpoint)])) as server:
        print(httpx.get(server.url, headers={"Last-Event-ID": "1"}).text)  # numbers 2 and 3

Rule: whatever is yielded becomes a whole, valid event (WHATWG HTML, section 9.2); what cannot be one is an
error, never repaired in silence. The type is plain `text/event-stream`: the standard fixes UTF-8, a charset
would say nothing and has made strict clients refuse streams. No `Connection` header: HTTP/2 forbids it.
Left out: replay by `Last-Event-ID`, which needs a store (`resume`).
"""

from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request

from course_lib.apps.live import LiveStream
from course_lib.wire.sse import ServerSentEvent, encode_comment, encode_event


class EventStream(LiveStream):
    """Stream events while they are made.

    events: an async iterator of str (the data of a `message`), ServerSentEvent, or bytes (already encoded,
    whole events). ping: seconds of silence after which a comment is sent; None for none.
    goodbye: the event that ends the stream when the server stops; None cuts it off.
    Raises like LiveStream, and while sending MisuseError for an event that cannot be written.
    """

    media_type = "text/event-stream"
    ping_bytes = encode_comment("ping")

    def __init__(
        self,
        events: AsyncIterator[str | bytes | ServerSentEvent],
        *,
        ping: float | None = 15.0,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        goodbye: str | bytes | ServerSentEvent | None = None,
    ) -> None:
        headers = {"content-type": self.media_type, **(headers or {})}  # named here, or Starlette adds a charset
        super().__init__(events, status_code=status_code, ping=ping, headers=headers, goodbye=goodbye)

    def encode(self, piece: str | bytes | ServerSentEvent) -> bytes:
        if isinstance(piece, ServerSentEvent):
            kind = None if piece.event == "message" else piece.event
            return encode_event(piece.data, event=kind, id=piece.id or None, retry=piece.retry)
        return bytes(piece) if isinstance(piece, bytes | bytearray | memoryview) else encode_event(piece)


def last_event_id(request: Request) -> str:
    """The id of the last event that this client has seen; "" when it says nothing.

    Browsers send it as UTF-8 when they reconnect (WHATWG HTML, section 9.2.3), and Starlette reads headers as
    Latin-1. What is not UTF-8 becomes U+FFFD: an id that nobody has sent. Spaces around an id are lost in a header.
    """
    return request.headers.get("last-event-id", "").encode("latin-1").decode("utf-8", "replace")

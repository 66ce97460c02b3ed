"""`EventStream`: Server-Sent Events as a response, for any Starlette or FastAPI endpoint.

Rule: whatever is yielded becomes a whole, valid event (WHATWG HTML, section 9.2); what cannot be one is an
error, never repaired in silence. The type is plain `text/event-stream`: the standard fixes UTF-8, a charset
would say nothing and has made strict clients refuse streams. No `Connection` header: HTTP/2 forbids it.
Left out: replay by `Last-Event-ID`, which needs a store.
"""

from collections.abc import AsyncIterator, Mapping

from course_lib.apps.live import LiveStream
from course_lib.wire.sse import ServerSentEvent, encode_comment, encode_event


class EventStream(LiveStream):
    """Stream events while they are made.

    events: an async iterator of str (the data of a `message`), ServerSentEvent, or bytes (already encoded,
    whole events). ping: seconds of silence after which a comment is sent; None for none.
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
    ) -> None:
        headers = {"content-type": self.media_type, **(headers or {})}  # named here, or Starlette adds a charset
        super().__init__(events, status_code=status_code, ping=ping, headers=headers)

    def encode(self, piece: str | bytes | ServerSentEvent) -> bytes:
        if isinstance(piece, ServerSentEvent):
            kind = None if piece.event == "message" else piece.event
            return encode_event(piece.data, event=kind, id=piece.id or None, retry=piece.retry)
        return bytes(piece) if isinstance(piece, bytes | bytearray | memoryview) else encode_event(piece)

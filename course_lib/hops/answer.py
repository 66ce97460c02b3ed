"""An answer on its way through a proxy: what is held of it, how it is compressed, how it is framed for the client.

Rule: RFC 9112 section 6 for both framings, RFC 9110 section 8.4 for the coding. What left is what the server sent.
Left out: when connections end, see `holding`.
"""

import zlib
from dataclasses import dataclass, replace

from course_lib.errors import WireError
from course_lib.hops.actions import Action, Send
from course_lib.wire.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk
from course_lib.wire.http1 import Framing, RequestHead, ResponseHead, body_framing, encode_head

GZIP = 31  # zlib's number for a gzip header around the largest window


@dataclass(frozen=True, slots=True)
class Policy:
    """How a proxy holds data back; see `buffering`."""

    hold: int
    gzip: bool = False
    idle: float | None = None
    http10: bool = False
    x_accel: bool = False

    def __str__(self) -> str:
        switches = [name for name in ("gzip", "http10", "x_accel") if getattr(self, name)]
        idle = [] if self.idle is None else [f"idle {self.idle:g} s"]
        return ", ".join([f"{self.hold} bytes", *switches, *idle])


class Body:
    """Finds the end of a body."""

    def __init__(self, framing: Framing) -> None:
        self.kind = framing.kind
        self.missing = framing.length or 0
        self.chunks = ChunkedDecoder()
        self.done = self.kind == "none" or (self.kind == "length" and not self.missing)

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The payload in `data`, and what is behind the body."""
        if self.done or self.kind == "close":
            return (b"", data) if self.done else (data, b"")
        if self.kind == "chunked":
            payload = b"".join(self.chunks.feed(data))
            self.done = self.chunks.done
            return payload, self.chunks.rest
        payload = data[: self.missing]
        self.missing -= len(payload)
        self.done = not self.missing
        return payload, data[len(payload) :]


class Answer:
    """An answer on its way to the client: what is held of it, and how it is framed there."""

    def __init__(self, head: ResponseHead, request: RequestHead, policy: Policy) -> None:
        self.body = Body(body_framing(head, method=request.method))
        if (head.get("transfer-encoding") or "chunked").lower() != "chunked":
            raise WireError(f"this proxy knows no transfer coding but chunked, got {head.get('transfer-encoding')!r}")
        direct = policy.x_accel and (head.get("x-accel-buffering") or "").lower() == "no"
        self.hold = 0 if direct else policy.hold
        self.flush = zlib.Z_SYNC_FLUSH if direct else zlib.Z_NO_FLUSH
        compress = policy.gzip and self.body.kind != "none" and _compressible(head, request)
        self.zip = zlib.compressobj(wbits=GZIP) if compress else None
        self.kind = self.body.kind
        if self.kind != "none" and (compress or self.kind != "length"):
            self.kind = "chunked" if request.version != "1.0" else "close"
        self.last = policy.http10 or "close" in (self.kind, self.body.kind)  # of this connection
        self.head = encode_head(self._rewritten(head, policy))
        self.kept = bytearray()
        self.sent = False

    def _rewritten(self, head: ResponseHead, policy: Policy) -> ResponseHead:
        drop, add = {"x-accel-buffering"} if policy.x_accel else set(), []
        if self.last:
            drop |= {"connection", "keep-alive"}
            add.append(("connection", "close"))
        if self.kind in ("chunked", "close"):
            drop |= {"content-length", "transfer-encoding"}
        if self.kind == "chunked":
            add.append(("transfer-encoding", "chunked"))
        if self.zip:
            drop |= {"accept-ranges", "etag"}  # a strong one names other bytes
            add += [("content-encoding", "gzip"), ("vary", "accept-encoding")]
        kept = [(name, value) for name, value in head.headers if name not in drop]
        return replace(head, version="1.1", headers=(*kept, *add))

    def begin(self) -> list[Action]:
        """What may leave before there is any of the body: the head waits with it, as in nginx, unless nothing waits."""
        self.sent = self.hold == 0
        return [Send(self.head)] if self.sent else []

    def take(self, payload: bytes) -> list[Action]:
        self.kept += payload
        return self.release() if payload and len(self.kept) >= self.hold else []

    def release(self, *, end: bool = False) -> list[Action]:
        """What may leave now; `end`: the body is complete."""
        data = bytes(self.kept)
        self.kept.clear()
        if self.zip:
            data = self.zip.compress(data) + self.zip.flush(zlib.Z_FINISH if end else self.flush)
        if self.kind == "chunked":
            trailers = "".join(f"{name}: {value}\r\n" for name, value in self.body.chunks.trailers).encode("latin-1")
            data = encode_chunk(data) + (LAST_CHUNK[:-2] + trailers + b"\r\n" if end else b"")
        if not data and not end:
            return []
        data = data if self.sent else self.head + data
        self.sent = True
        return [Send(data)] if data else []


def _compressible(head: ResponseHead, request: RequestHead) -> bool:
    """RFC 9110, section 12.5.3: the client takes gzip; RFC 9111, 5.2.1.6 and 5.2.2.6: nobody has forbidden it."""
    weights: dict[str, str] = {}
    for item in (request.get("accept-encoding") or "").lower().replace(" ", "").split(","):
        coding, _, weight = item.partition(";q=")
        weights[coding] = weight or "1"
    wanted = weights.get("gzip", weights.get("*", "0")).strip("0.") != ""
    directives = f"{request.get('cache-control')},{head.get('cache-control')}".lower()
    whole = head.status != 206 and head.get("content-encoding") is None
    return wanted and whole and "no-transform" not in directives

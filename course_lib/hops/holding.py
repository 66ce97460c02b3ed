"""A proxy that buffers, without socket, sleep or clock: HTTP/1 of one connection in, HTTP/1 out.

Rule: whatever is held back, the HTTP that leaves is correct: lengths, chunks, bodiless answers (RFC 9112, section
6.3), kept-alive connections, pipelined requests (one at a time goes on), interim answers, upgrades. A truncated answer
stays visibly truncated. What is broken is answered with 400, 411, 502 or 504 as long as nothing was sent, else cut off.
Left out: HTTP/2, caching, several servers.
"""

from dataclasses import replace

from course_lib.errors import MisuseError, WireError
from course_lib.hops.actions import Action, Close, Forward, Send, Wait
from course_lib.hops.answer import Answer, Body, Policy
from course_lib.hops.relay import Hop, plain_http, start
from course_lib.wire.http1 import Framing, HeadDecoder, RequestHead, ResponseHead, body_framing, encode_head

REASONS = {400: "Bad Request", 411: "Length Required", 502: "Bad Gateway", 504: "Gateway Timeout"}
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
MOST = 16_000_000  # bytes that are held of one answer


def buffering(
    url: str,
    hold: int | None = None,
    *,
    gzip: bool = False,
    idle: float | None = None,
    http10: bool = False,
    x_accel: bool = False,
) -> Hop:
    """A hop that is an HTTP/1 proxy and holds answers back: the reason why "it arrives all at once".

    hold: bytes of a body that are collected before they leave together; None holds the whole body, 0 nothing. More
    than 16 MB of one answer are never held: they leave then. The head waits with the body, as it does in nginx.
    gzip: compress for clients that accept it, unless Cache-Control says no-transform (RFC 9111, section 5.2.2.6);
    the compressor keeps what it was given until it has enough. idle: seconds of silence after which a connection is
    cut, or answered with 504 if nothing was answered yet. http10: ask the server with HTTP/1.0, as nginx does by
    default; its answers then end by closing, and upgrades are lost. x_accel: obey `X-Accel-Buffering: no`, as nginx
    does and nobody else promises to.
    The recording shows what left towards the client; a tap in front of the server shows what came.
    MisuseError for impossible arguments, and for https: no proxy can read that.

        with serve(chunked.create_app()) as server, buffering(server.url) as hop, httpx.Client() as client:
            with client.stream("GET", f"{hop.url}/text") as answer:
                print(len(list(answer.iter_raw())))  # 1; from server.url one for each token
    """
    if hold is not None and (type(hold) is not int or not 0 <= hold <= MOST):
        raise MisuseError(f"hold is a number of bytes from 0 to {MOST:,}, or None for a whole body; got {hold!r}")
    if idle is not None and not (isinstance(idle, int | float) and idle > 0):
        raise MisuseError(f"idle is a number of seconds above 0, or None for no limit; got {idle!r}")
    plain_http(url)
    policy = Policy(MOST if hold is None else hold, gzip, idle, http10, x_accel)
    return start("buffering", url, str(policy), lambda number: Holding(policy))


class Holding:
    """One connection of the buffering proxy (a `Between`). Times are seconds of any one clock."""

    held = 0  # what is kept on purpose has a limit of its own and must not stop the server

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._asked = bytearray()  # of requests whose turn has not come
        self._question, self._reply = HeadDecoder(), HeadDecoder()
        self._upload = Body(Framing("none"))
        self._request: RequestHead | None = None  # the one that is being answered
        self._answer: Answer | None = None
        self._tunnel = self._closed = self._down = False
        self._heard: float | None = None  # when somebody last sent something

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def asked(self, data: bytes, now: float) -> list[Action]:
        self._asked += data
        return self._heard_now(now) + self._next_request()

    def feed(self, data: bytes, now: float) -> list[Action]:
        doing = self._heard_now(now)
        try:
            while data and not self._closed:
                data = self._take(data, doing)
        except WireError as error:
            if self._answer is not None:  # what was whole before it passes, however the bytes were cut
                doing += self._answer.take(b"".join(piece for piece in error.finished if isinstance(piece, bytes)))
            doing += self._fail(502, f"The server's answer is no HTTP/1: {error}")
        return doing

    def end(self, now: float) -> list[Action]:
        doing: list[Action] = []
        if self._answer is not None and self._answer.body.kind == "close":
            self._answer.body.done = True
            self._complete(doing)
        return doing + self._fail(502, "The server closed the connection without an answer.")

    def unreachable(self, now: float) -> list[Action]:
        self._down = True
        return self._heard_now(now)

    def tick(self, now: float) -> list[Action]:
        if self.policy.idle is None or self._closed:
            return []
        self._heard = now if self._heard is None else self._heard
        if now < self._heard + self.policy.idle:
            return [Wait(self._heard + self.policy.idle)]
        return self._fail(504, f"Nothing came for {self.policy.idle:g} s.")

    def _heard_now(self, now: float) -> list[Action]:
        self._heard = now
        return self.tick(now)

    def _next_request(self) -> list[Action]:
        """Pass on what the client has sent, up to the end of the request that is being answered."""
        doing: list[Action] = []
        data = bytes(self._asked)
        self._asked.clear()
        try:
            while data and not self._closed:
                if self._tunnel:
                    doing.append(Forward(data))
                    break
                if not self._upload.done:
                    _, rest = self._upload.feed(data)
                    doing.append(Forward(data[: len(data) - len(rest)]))
                elif self._request is not None:
                    self._asked += data
                    break
                else:
                    found = self._question.feed(data)
                    rest = self._question.rest
                    for head in found:
                        self._question = HeadDecoder()
                        doing += self._begin(head)
                data = rest
        except WireError as error:
            doing += self._fail(400, str(error))
        return doing

    def _begin(self, head: RequestHead | ResponseHead) -> list[Action]:
        if not isinstance(head, RequestHead):
            raise WireError(f"expected a request, got {head.start_line!r}")
        framing, self._request = body_framing(head), head
        if self._down:
            return self._fail(502, "The server does not answer: is it running?")
        if self.policy.http10:
            if framing.kind == "chunked":
                return self._fail(411, "HTTP/1.0, which this proxy speaks to its server, has no chunks.")
            named = {name.strip().lower() for name in (head.get("connection") or "").split(",")}
            kept = tuple((name, value) for name, value in head.headers if name not in HOP_BY_HOP | named)
            head = replace(head, version="1.0", headers=(*kept, ("connection", "close")))
        self._upload = Body(framing)
        return [Forward(encode_head(head))]

    def _take(self, data: bytes, doing: list[Action]) -> bytes:
        """Handle some of the server's bytes; return the rest."""
        if self._tunnel:
            doing.append(Send(data))
            return b""
        if self._request is None:  # nobody has asked
            doing += self._fail(502, "")
            return b""
        if self._answer is None:
            found = self._reply.feed(data)
            data = self._reply.rest
            for head in found:
                self._reply = HeadDecoder()
                self._begin_answer(head, self._request, doing)
        else:
            payload, data = self._answer.body.feed(data)
            doing += self._answer.take(payload)
        if self._answer is not None and self._answer.body.done:
            self._complete(doing)
        return data

    def _begin_answer(self, head: RequestHead | ResponseHead, request: RequestHead, doing: list[Action]) -> None:
        if not isinstance(head, ResponseHead):
            raise WireError(f"expected an answer, got {head.start_line!r}")
        self._tunnel = head.status == 101 or (request.method == "CONNECT" and 200 <= head.status < 300)
        if self._tunnel or head.status < 200:
            doing.append(Send(encode_head(head)))
            doing += self._next_request() if self._tunnel else []
        else:
            self._answer = Answer(head, request, self.policy)
            doing += self._answer.begin()

    def _complete(self, doing: list[Action]) -> None:
        assert self._answer is not None
        doing += self._answer.release(end=True)
        last, self._answer, self._request = self._answer.last, None, None
        if last:
            self._closed = True
            doing.append(Close())
        else:
            doing += self._next_request()

    def _fail(self, status: int, text: str) -> list[Action]:
        """End the connection: with an answer if one is due and none was begun, else as it stands."""
        if self._closed:
            return []
        self._closed = True
        if self._answer is not None:
            # without framing an end would look like the proper one
            return [*self._answer.release(), Close(reset=self._answer.kind == "close")]
        if self._tunnel or (self._request is None and status != 400):
            return [Close()]
        body = f"{text}\n".encode()
        fields = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))))
        head = ResponseHead(status, REASONS[status], "1.1", (*fields, ("connection", "close")))
        return [Send(encode_head(head) + body), Close()]

"""The provider behind a relay: where it is, how long it may take, and what its refusals mean to the client.

Rule: nothing of a failure inside the provider or the network is told to the client but that it happened. What the
client itself did wrong (400, 413, 422), and 429 with its `retry-after`, is passed on.
Left out: the question, what comes after a head that says 200 (`call`), and the vocabularies (`translate`).
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from opentelemetry.trace import Tracer

from course_lib.apps.translate import FromOpenAI
from course_lib.errors import MisuseError

MAX_REFUSAL = 65_536  # bytes of an answer that says no
MAX_TOLD = 500  # characters of it that the client gets
PASSED_ON = (400, 413, 422, 429)
STATUSES = {503: 503, 504: 504, 529: 503}  # of the provider to ours; 502 for all others


class Failed(Exception):
    """There is no whole answer. status: what fits when nothing was sent yet. kind: `error.type` of the span."""

    def __init__(self, status: int, message: str, kind: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.headers = status, message, kind, dict(headers or {})


class Deadlines(NamedTuple):
    """Seconds: to the first token, without a byte from the provider, and for the whole answer."""

    first: float = 60.0
    gap: float = 30.0
    total: float = 600.0


class Provider:
    """Where the answers come from. `reader`: how its events are read, None until it is known."""

    def __init__(
        self, url: str, connect: Callable[[], httpx.AsyncClient], tracer: Tracer, deadlines: Deadlines
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self.connect = connect
        self.tracer = tracer
        self.deadlines = deadlines
        self.reader: type[FromOpenAI] | None = None
        self.name = f"course-relay-{secrets.token_hex(4)}"  # of this relay, in the Via header (RFC 9110, section 7.6.3)

    @property
    def where(self) -> dict[str, str | int]:
        """Its address, in the words of OpenTelemetry."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return {"server.address": parts.hostname or "", "server.port": port}

    async def check(self, response: httpx.Response) -> None:
        """Failed for an answer that is no stream of events."""
        status = response.status_code
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status == 200 and kind == "text/event-stream":
            return
        if status == 200:
            raise Failed(502, "The provider's answer is no event stream.", "no_event_stream")
        later = response.headers.get("retry-after")
        told = await self._reason(response) if status in PASSED_ON else ""
        raise Failed(
            status if status in PASSED_ON else STATUSES.get(status, 502),
            told or f"The provider has failed (status {status}).",
            str(status),
            {"retry-after": later} if later else None,
        )

    async def _reason(self, response: httpx.Response) -> str:
        body = bytearray()
        with contextlib.suppress(httpx.HTTPError, TimeoutError, ValueError, RecursionError, KeyError, TypeError):
            async with asyncio.timeout(self.deadlines.gap):
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_REFUSAL:
                        break
            told = str(json.loads(body)["error"]["message"])[:MAX_TOLD]  # both vendors
            return told.encode(errors="replace").decode()
        return ""


def late() -> Failed:
    return Failed(504, "The provider took too long.", "timeout")


def check_url(url: str) -> str:
    """The URL of a provider. MisuseError for anything else."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
    raise MisuseError(f"upstream is the URL of a provider, such as 'http://127.0.0.1:8000'; got {url!r}")

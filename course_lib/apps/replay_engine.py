"""Generations that go on while nobody listens: one task makes each and writes the log, readers only read it.

Rule: an id is signed together with its owner. So a forged id, or another owner's, is known without a look into the
store, a right one that the store no longer has was evicted, and the store holds nobody's credentials. A reader is told
what it has missed or how the generation ended; when neither is known its connection is cut, never ended properly.
Left out: HTTP (`resume`), the log (`replay`).
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from starlette.types import Scope

from course_lib.apps.live import STOPPING, HangUp, generation
from course_lib.apps.play import EndEarly, ModelFailed, play
from course_lib.apps.replay import (
    TOKEN,
    CannotReplay,
    Entry,
    Evicted,
    Full,
    KeyReused,
    Page,
    Store,
    StoreAway,
    event_id,
)
from course_lib.apps.request import error_body
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel
from course_lib.wire.sse import encode_comment, encode_event

OF_GENERATIONS = ("error", "slow_start")  # faults; the others are of readers
CONNECTED = encode_comment("connected")  # sends the head at once: the first token may take its time


class NotYours(LookupError):
    """No such generation, or it belongs to somebody else: nobody can tell which."""


REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    NotYours: (404, "not_found", "There is no such generation, or it is not yours."),
    Evicted: (410, "evicted", "This generation is no longer kept: start it again."),
    CannotReplay: (410, "cannot_replay", "Nothing can be replayed after this event: read from the beginning."),
    KeyReused: (422, "key_reused", "This Idempotency-Key was used for another request: take a new one."),
    Full: (503, "full", "Too many generations are at work: try again later."),
    StoreAway: (503, "store_away", "The memory of generations cannot be reached: try again later."),
}


def refusal(error: Exception) -> tuple[int, dict[str, Any]]:
    """Status and body of an answer that says no, each with a `code` of its own."""
    status, code, message = REFUSALS[type(error)]
    return status, {"error": {**error_body(status, message)["error"], "code": code}}


class Engine:
    """The generations of one server: starts, reads and ends them."""

    def __init__(self, store: Store, model: ScriptedModel, plan: FaultPlan) -> None:
        self.store = store
        self.model = model
        self.generation_plan = FaultPlan(tuple(f for f in plan.faults if f.name in OF_GENERATIONS), plan.seed)
        self.reader_plan = FaultPlan(tuple(f for f in plan.faults if f.name not in OF_GENERATIONS), plan.seed)
        self.readers = itertools.count()
        self._generations = itertools.count()
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by id
        self._secret = b""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Inside the block the store is open; at its end, what is at work here ends as an error."""
        self._secret = await self.store.open()
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            try:
                ends = [self.end(id, "error", error_body(503, STOPPING)) for id in self._tasks]
                await asyncio.gather(*ends, *self._tasks.values(), renewing, return_exceptions=True)
            finally:
                await self.store.close()

    def works_on(self, id: str) -> bool:
        """Whether this generation is being made here."""
        return id in self._tasks

    def check(self, id: str, owner: str) -> None:
        """NotYours unless this id was made for this owner, or for nobody."""
        expected = [self._sign(id[: len(id) // 2], name).encode() for name in (owner, "")]
        if not any([hmac.compare_digest(right, id.encode()) for right in expected]):  # always both
            raise NotYours

    async def start(
        self, scope: Scope, owner: str, key: str, asked: dict[str, Any], max_tokens: int | None
    ) -> tuple[str, bool]:
        """The id of the generation that is asked for, and whether it is new. KeyReused, Full, StoreAway."""
        id = self._sign(secrets.token_urlsafe(12), owner)
        request = json.dumps(asked, sort_keys=True)
        found = await self.store.create(id, _digest(owner, key) if key else id, _digest(request))
        if found == id:
            task = self._tasks[id] = asyncio.create_task(self._generate(scope, id, max_tokens))
            task.add_done_callback(lambda _: self._tasks.pop(id))
        return found, found == id

    async def cancel(self, id: str) -> None:
        """End a generation, unless it has ended. Its model stops at once; on another server, when that one notices."""
        if not await self.end(id, "cancelled", {"finish_reason": "cancelled"}):
            with suppress(CannotReplay):
                await self.store.read(id, 0)  # Evicted

    async def end(self, id: str, kind: str, data: dict[str, Any]) -> bool:
        try:
            return await self.store.append(id, kind, json.dumps(data))
        finally:
            if id in self._tasks:
                self._tasks[id].cancel()

    async def _generate(self, scope: Scope, id: str, max_tokens: int | None) -> None:
        number, plan = 0, self.generation_plan.for_answer(next(self._generations))
        kind, data = "done", {"finish_reason": self.model.finish_reason(max_tokens)}
        with generation(scope), suppress(StoreAway):  # then nothing can be told: see what each store does about it
            try:
                async with aclosing(play(self.model.steps(max_tokens), plan)) as tokens:
                    async for token in tokens:
                        number += 1
                        if not await self.store.append(id, TOKEN, token or "", number):
                            return
            except ModelFailed as error:
                kind, data = "error", error_body(500, str(error))
            except Exception:
                await self.end(id, "error", error_body(500, "The generation has failed."))
                raise
            await self.store.append(id, kind, json.dumps({**data, "tokens": number}), number + 1)

    async def _renew(self) -> None:
        while self.store.lease is not None:
            await asyncio.sleep(self.store.lease / 4)
            with suppress(StoreAway):
                for id in await self.store.renew(list(self._tasks)):
                    if id in self._tasks:
                        self._tasks[id].cancel()

    async def events(
        self, id: str, position: int, page: Page, retry: int | None, plan: FaultPlan
    ) -> AsyncIterator[bytes]:
        """The stream of a reader that has seen the events up to `position`; `page` comes after them."""
        yield CONNECTED if retry is None else b"retry: %d\n\n" % retry
        sent = 0
        try:
            garbled = await _meet(plan, sent)
            while True:
                for entry in page.entries:
                    yield _encode(id, entry, garbled)
                    position = entry.number
                    if entry.kind == TOKEN:
                        sent += 1
                        garbled = await _meet(plan, sent)
                if page.ended:
                    return
                page = await self.store.read(id, position, wait=True)
        except EndEarly:
            return
        except (Evicted, CannotReplay) as error:  # too slow: what this reader needs next is gone
            yield encode_event(json.dumps(refusal(error)[1]), event="error")
        except StoreAway:
            raise HangUp from None  # it comes back with its last id, perhaps to another server

    def _sign(self, nonce: str, owner: str) -> str:
        signature = hmac.digest(self._secret, f"{nonce}\0{owner}".encode(), "sha256")
        return nonce + urlsafe_b64encode(signature[:12]).decode()


async def _meet(plan: FaultPlan, sent: int) -> bool:
    """Play the faults of a reader that come after so many tokens; whether its next one is garbled."""
    garbled = False
    for fault in plan.faults:
        if fault.at == sent:
            if fault.name in ("cut", "reset"):
                raise HangUp(reset=fault.name == "reset")
            if fault.name == "truncate":
                raise EndEarly
            if fault.name == "stall":
                await asyncio.sleep(fault.seconds)
            garbled |= fault.name == "garble"
    return garbled


def _encode(id: str, entry: Entry, garbled: bool) -> bytes:
    if garbled and entry.kind == TOKEN:
        return b"id: %s\ndata: \xff\xfe\n\n" % event_id(id, entry.number).encode()
    return encode_event(entry.text, event=None if entry.kind == TOKEN else entry.kind, id=event_id(id, entry.number))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

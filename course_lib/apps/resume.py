"""Generations that go on while nobody listens, and streams that go on where their reader was cut off.

    import httpx
    from course_lib import serve
    from course_lib.apps import resume

    with serve(resume.create_app(faults="truncate@5*1")) as server:
        url = f"{server.url}/generate/" + httpx.post(f"{server.url}/generate", json={"prompt": "Hi"}).json()["id"]
        seen = httpx.get(url).text  # ends after 5 tokens
        last = seen.rpartition("id: ")[2].partition("\\n")[0]
        print(seen, httpx.get(url, headers={"Last-Event-ID": last}).text)  # the rest, then `done`

    POST   /generate        {"prompt", "max_tokens"?} starts a generation: 201 {"id"}. With an `Idempotency-Key`
                            (draft-ietf-httpapi-idempotency-key-header-07) a repeated request finds the same one: 200;
                            the same key with another body: 422. No room: 503
    GET    /generate/{id}   its events, from the first or after `Last-Event-ID`: one per token, its text as data; last
                            `done` {"finish_reason", "tokens"}, `error` {"error"} or `cancelled`. 204 to a reader that
                            has seen that last one: it stops an EventSource (WHATWG HTML, section 9.2.1)
    POST   /generate/{id}   the same for clients that cannot set the header: {"last_event_id"}
    DELETE /generate/{id}   cancels, 204; what was said until then stays readable

Rule: a generation belongs to the bearer of the `Authorization` it was started with; without one, to everybody who knows
its id. 404 for ids that were never given, and to others; 410 for what is no longer kept. Faults of a connection (`cut`,
`reset`, `truncate`, `stall`, `garble`, `status`) hit readers, `error` and `slow_start` generations; `*N` counts these.
Left out: a CR in a token, which event streams cannot carry: it arrives as LF. Quotas for one bearer.
"""

import json
import math
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from course_lib.apps.live import STOPPING
from course_lib.apps.play import faults_of, prepared
from course_lib.apps.replay import Generations, MemoryStore, Store, position_of
from course_lib.apps.replay_engine import REFUSALS, Engine, refusal
from course_lib.apps.request import BadRequest, error_body, limit, on_http_error, read_json, retry_after
from course_lib.apps.sse import EventStream, last_event_id
from course_lib.errors import MisuseError
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel
from course_lib.wire.sse import encode_event

NO_STORE = {"cache-control": "no-store"}  # caches may keep a 204, 404 or 410 (RFC 9110, section 15.1)
_KEY = re.compile(r'"[ !#-~]{1,255}"|[!#-~]{1,255}', re.ASCII)  # a string of RFC 9651; most clients leave out quotes


def create_app(
    model: ScriptedModel | None = None,
    faults: FaultPlan | str | None = None,
    *,
    store: str | Path | None = None,
    capacity: int = 10_000,
    generations: int = 1_000,
    keep: float = 3600.0,
    lease: float = 10.0,
    retry: int | None = None,
    ping: float | None = 15.0,
) -> Starlette:
    """The app. MisuseError for a fault that is not a token fault, and for limits that make no sense.

    store: where generations are kept: None in memory; the path of an SQLite file, to survive a restart (one server at
    a time); a URL of Redis, `redis://...` or `unix://...`, to be shared by several servers.
    capacity: events of a generation that can be replayed. generations: how many are kept (in Redis time is the only
    limit); when there is no room, the one that has ended and was not used for longest goes. keep: seconds that one is
    kept after its end. lease: seconds after which, in Redis, a server that is not heard of is taken for dead.
    retry: milliseconds after which an EventSource shall reconnect. ping: seconds of silence before a comment.
    """
    for name, value, least in (("capacity", capacity, 1), ("generations", generations, 1), ("retry", retry or 0, 0)):
        if type(value) is not int or value < least:
            raise MisuseError(f"{name} is a whole number from {least}; got {value!r}")
    for name, seconds in (("keep", keep), ("lease", lease)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            raise MisuseError(f"{name} is a number of seconds above 0; got {seconds!r}")
    (script, plan), new_store = prepared(model, faults, ping), _store_maker(store)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[dict[str, Engine]]:
        engine = Engine(new_store(Generations(capacity, generations, keep), lease), script, plan)
        async with engine.running():
            yield {"engine": engine}

    async def start(request: Request) -> Response:
        asked = await read_json(request)
        if not isinstance(asked.get("prompt"), str):
            raise BadRequest(f"'prompt' must be a string, not {asked.get('prompt')!r}.", "prompt")
        most = limit(asked, "max_tokens")
        id, new = await request.state.engine.start(request.scope, _owner(request), _key(request), asked, most)
        return JSONResponse({"id": id}, 201 if new else 200, {**NO_STORE, "location": f"/generate/{id}"})

    async def read(request: Request) -> Response:
        engine, id = request.state.engine, request.path_params["id"]
        last = (await read_json(request)).get("last_event_id") if request.method == "POST" else None
        if not isinstance(last, str | None):
            raise BadRequest(f"'last_event_id' must be a string, not {last!r}.", "last_event_id")
        engine.check(id, _owner(request))
        position = position_of(id, last_event_id(request) if last is None else last)
        page = await engine.store.read(id, position)
        if page.ended and not page.entries:
            return Response(status_code=204, headers=NO_STORE)
        if request.method == "HEAD":  # else the connection would be busy until the generation ends
            head = Response(headers={**NO_STORE, "content-type": EventStream.media_type})
            del head.headers["content-length"]
            return head
        here = faults_of(engine.reader_plan, next(engine.readers))
        goodbye = encode_event(json.dumps(error_body(503, STOPPING)), event="error") if engine.works_on(id) else None
        return EventStream(engine.events(id, position, page, retry, here), ping=ping, goodbye=goodbye)

    async def cancel(request: Request) -> Response:
        request.state.engine.check(request.path_params["id"], _owner(request))
        await request.state.engine.cancel(request.path_params["id"])
        return Response(status_code=204, headers=NO_STORE)

    return Starlette(
        routes=[
            Route("/generate", start, methods=["POST"]),
            Route("/generate/{id}", read, methods=["GET", "POST"]),
            Route("/generate/{id}", cancel, methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: on_http_error, **dict.fromkeys(REFUSALS, _refuse)},
        lifespan=lifespan,
    )


def _store_maker(where: str | Path | None) -> Callable[[Generations, float], Store]:
    """What makes the store that `where` names; a store works for one server, so each run of the app has its own."""
    if where is None:
        return lambda generations, lease: MemoryStore(generations)
    if isinstance(where, str) and where.startswith(("redis://", "rediss://", "unix://")):
        from course_lib.apps.replay_redis import RedisStore, check_url

        check_url(where)
        return lambda generations, lease: RedisStore(where, generations.capacity, generations.keep, lease)
    if not isinstance(where, str | Path) or where == "" or "://" in str(where):
        raise MisuseError(f"store is the path of a file, redis://HOST:PORT/DB or unix:///PATH; got {where!r}")
    from course_lib.apps.replay_sqlite import SqliteStore

    return lambda generations, lease: SqliteStore(str(where), generations)


def _refuse(request: Request, error: Exception) -> Response:
    status, body = refusal(error)
    return JSONResponse(body, status, {**NO_STORE, **retry_after(status)})


def _owner(request: Request) -> str:
    """Who asks: scheme, in lower case (RFC 9110, section 11.1), and credentials; or an empty text."""
    scheme, _, credentials = request.headers.get("authorization", "").strip().partition(" ")
    return f"{scheme.lower()} {credentials.strip()}".strip()


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "").strip()
    if key and not _KEY.fullmatch(key):
        raise BadRequest("'Idempotency-Key' is 1 to 255 visible ASCII characters, in quotes or not.", "Idempotency-Key")
    return key.strip('"')

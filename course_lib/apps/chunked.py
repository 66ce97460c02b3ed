"""A scripted answer without SSE: plain text at `/text`, one JSON object per line at `/ndjson`.

    import httpx
    from course_lib import serve
    from course_lib.apps import chunked

    with serve(chunked.create_app()) as server, httpx.stream("GET", f"{server.url}/text") as answer:
        for text in answer.iter_text():
            print(text, end="", flush=True)

Rule: the body is the format, its chunks are not: a token may arrive in two reads, two tokens in one.
Both take GET, or POST with a JSON object; `max_tokens` in the query, or rather in the object, limits the answer.

    /text    the tokens, nothing else. There is no place for an error: `error@N` and a stop can only cut the body off
    /ndjson  {"token": "..."} per token, then {"done": true, "finish_reason": "...", "tokens": N}, or
             {"error": {...}} when the model failed or the server stops
"""

import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from course_lib.apps.live import STOPPING, HangUp, LiveStream, generation
from course_lib.apps.play import GARBLED, EndEarly, ModelFailed, faults_of, play, prepared
from course_lib.apps.request import error_body, limit, on_http_error, read_json
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel

NOT_UTF8 = b"\xff\xfe"


def create_app(model: ScriptedModel | None = None, faults: FaultPlan | str | None = None) -> Starlette:
    """Both formats as an ASGI app. MisuseError for a fault that is not a token fault, or a model that is none."""
    (script, plan), numbers = prepared(model, faults), itertools.count()

    async def answer(request: Request) -> Response:
        most = await _max_tokens(request)
        here = faults_of(plan, next(numbers))
        if request.url.path == "/text":
            return LiveStream(_text(request, script, here, most), media_type="text/plain")
        pieces, goodbye = _lines(request, script, here, most), _line(error_body(503, STOPPING))
        return LiveStream(pieces, media_type="application/x-ndjson", goodbye=goodbye)

    return Starlette(
        routes=[Route(path, answer, methods=["GET", "POST"]) for path in ("/text", "/ndjson")],
        exception_handlers={HTTPException: on_http_error},
    )


async def _max_tokens(request: Request) -> int | None:
    asked = await read_json(request) if request.method == "POST" else {}
    written = request.query_params.get("max_tokens")
    if written is not None:
        number = int(written) if re.fullmatch("[0-9]{1,9}", written) else written  # `limit` refuses a text
        asked = {"max_tokens": number, **asked}
    return limit(asked, "max_tokens")


async def _text(request: Request, model: ScriptedModel, plan: FaultPlan, most: int | None) -> AsyncIterator[bytes]:
    with generation(request.scope):
        async with aclosing(play(model.steps(most), plan)) as tokens:
            try:
                async for token in tokens:
                    yield NOT_UTF8 if token is GARBLED else token.encode()
            except EndEarly:
                return
            except ModelFailed:
                raise HangUp from None


async def _lines(request: Request, model: ScriptedModel, plan: FaultPlan, most: int | None) -> AsyncIterator[bytes]:
    count = 0
    with generation(request.scope):
        async with aclosing(play(model.steps(most), plan)) as tokens:
            try:
                async for token in tokens:
                    count += 1
                    yield b'{"token": \n' if token is GARBLED else _line({"token": token})
            except EndEarly:
                return
            except ModelFailed as error:
                yield _line(error_body(500, str(error)))
                return
        yield _line({"done": True, "finish_reason": model.finish_reason(most), "tokens": count})


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"

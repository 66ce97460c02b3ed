"""An answer in one piece: the tokens are awaited, then sent as JSON; a fault in the middle gives half of it.

Rule: a client that leaves stops the model, although nothing is being sent to it.
Left out: the shape of the JSON and of errors; the app has both.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course_lib.apps.live import HangUp, LiveStream, generation, while_wanted
from course_lib.apps.play import EndEarly, ModelFailed


async def in_one_piece(
    request: Request,
    tokens: AsyncGenerator[str | None, None],
    body: Callable[[str, int], dict[str, Any]],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response with `body(text, number of tokens)`.

    HTTPException 500 when the model fails, 503 when the server stops.
    """
    with generation(request.scope):
        answer = await while_wanted(request, _collect(tokens, body, headers))
    return answer or Response()  # nobody sees the empty one


async def _collect(
    tokens: AsyncGenerator[str | None, None],
    body: Callable[[str, int], dict[str, Any]],
    headers: Mapping[str, str] | None,
) -> Response:
    text, count, broken, ending = "", 0, False, None
    try:
        async with aclosing(tokens):
            async for token in tokens:
                text += token or ""
                count += 1
                broken |= token is None  # garbled
    except ModelFailed as error:
        raise HTTPException(500, str(error)) from None
    except (HangUp, EndEarly) as fault:
        broken, ending = True, fault
    data = json.dumps(body(text, count), ensure_ascii=False).encode()
    if not broken:
        return Response(data, media_type="application/json", headers=dict(headers or {}))
    return LiveStream(_half(data, ending), media_type="application/json", headers=headers)


async def _half(data: bytes, ending: Exception | None) -> AsyncIterator[bytes]:
    yield data[: len(data) // 2]
    if isinstance(ending, HangUp):
        raise ending

"""What a request asks for: its JSON body, checked; and errors in the shape that OpenAI gives them.

Rule: nothing wrong is guessed at. A field of a wrong type is a 400 that names the field; a body has a limit.
Left out: what one API asks for and others do not.
"""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_BODY = 4_000_000  # bytes
MODEL = {"id": "scripted", "object": "model", "created": 0, "owned_by": "course"}
RETRY_AFTER = {429: "1", 503: "1"}  # seconds
to_json = json.JSONEncoder(ensure_ascii=False).encode
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class BadRequest(HTTPException):
    """A 4xx answer; `param` is the field at fault."""

    def __init__(self, message: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(status, message)
        self.param = param


def error_body(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": _CODES.get(status)}}


def error_answer(status: int, message: str, param: str | None = None) -> Response:
    return JSONResponse(error_body(status, message, param), status, retry_after(status))


def retry_after(status: int) -> dict[str, str]:
    """The header that says when to come back."""
    return {"retry-after": RETRY_AFTER[status]} if status in RETRY_AFTER else {}


async def on_http_error(request: Request, error: Exception) -> Response:
    """The handler for HTTPException, wrong paths and methods included."""
    assert isinstance(error, HTTPException)
    where = f" ({request.method} {request.url.path})" if error.detail in ("Not Found", "Method Not Allowed") else ""
    answer = error_answer(error.status_code, f"{error.detail}{where}", getattr(error, "param", None))
    answer.headers.update(error.headers or {})
    return answer


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty object."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise BadRequest(f"The body may have {MAX_BODY} bytes.", status=413)
    return json_object(body)


def json_object(data: bytes | bytearray, called: str = "body") -> dict[str, Any]:
    """A JSON object; nothing at all is an empty one. BadRequest, which calls the data what the sender calls it."""
    try:
        asked = json.loads(str(data, "utf-8-sig") or "{}", parse_constant=_no_constant)  # RFC 8259, section 8.1
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"We could not parse the JSON {called} of your request: {error}") from None
    if not isinstance(asked, dict):
        raise BadRequest(f"The {called} must be a JSON object, not {type(asked).__name__}.")
    if b"\\u" in data:
        try:
            to_json(asked).encode()  # answers repeat some of it, and are UTF-8
        except UnicodeEncodeError:
            raise BadRequest(f"The {called} has half of a surrogate pair, which is no character.") from None
    return asked


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def flag(asked: dict[str, Any], name: str) -> bool:
    """A field that is true, false, null or absent."""
    value = asked.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be true or false, not {value!r}.", name)
    return bool(value)


def model_name(asked: dict[str, Any]) -> str:
    """The model that is asked for. Every name will do, and none, too."""
    name = asked.get("model", MODEL["id"])
    if not isinstance(name, str) or not name:
        raise BadRequest(f"'model' must be a string, not {name!r}.", "model")
    return name


def tools_of(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools that a model may call; none when the field is absent."""
    tools = [] if asked.get("tools") is None else asked["tools"]
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise BadRequest("'tools' must be a list of objects.", "tools")
    return tools


def called_function(choice: Any, functions: list[Any], name: Any) -> dict[str, Any] | None:
    """The first function when a call is required, the one with that name when it is named, None when there need not
    be any; by `tool_choice`."""
    if choice in (None, "auto", "none"):
        return None
    for function in functions:
        known = function.get("name") if isinstance(function, dict) else None
        if isinstance(known, str) and (choice == "required" or (isinstance(choice, dict) and known == name)):
            return dict(function)
    raise BadRequest(f"'tool_choice' asks for a call, but no function of 'tools' fits {choice!r}.", "tool_choice")


def limit(asked: dict[str, Any], *names: str) -> int | None:
    """A number of tokens from 1 in the first of these fields that is there."""
    for name in names:
        value = asked.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRequest(f"'{name}' must be a whole number from 1, not {value!r}.", name)
        return value
    return None

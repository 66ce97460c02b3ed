"""The SSE response helper: what is yielded arrives as whole events, what cannot be one is refused."""

import io
import textwrap
from contextlib import redirect_stdout

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from hypothesis import given
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from course_lib.apps import sse
from course_lib.apps.sse import EventStream, last_event_id
from course_lib.errors import MisuseError
from course_lib.server import serve
from course_lib.wire.sse import ServerSentEvent, SSEDecoder
from tests.strategies import one_line, text
from tests.streams.calls import Call, events, run
from tests.streams.spoken import client, spoken


def test_strings_events_and_bytes_become_events():
    async def test():
        call = Call(
            EventStream(events("a\nb", ServerSentEvent("tick", "1", "7", 9), b"data: raw\n\n", bytearray(b":\n")))
        )
        await call.run()
        return call

    call = run(test)
    decoder = SSEDecoder()
    found = [(event.event, event.data, event.id) for event in decoder.feed(call.body)]
    assert found == [("message", "a\nb", ""), ("tick", "1", "7"), ("message", "raw", "7")]
    assert decoder.retry == 9
    assert call.kinds == ["start", "body", "body", "body", "body", "body"]
    assert call.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_the_head_says_what_a_stream_needs_and_nothing_else():
    headers = EventStream(events(), headers={"x-mine": "1"}).raw_headers
    assert sorted(headers) == [
        (b"cache-control", b"no-store, no-transform"),
        (b"content-type", b"text/event-stream"),
        (b"x-accel-buffering", b"no"),
        (b"x-mine", b"1"),
    ]


def test_a_header_that_is_given_replaces_ours_however_it_is_written():
    headers = EventStream(events(), headers={"Cache-Control": "no-cache", "Content-Type": "text/plain"}).headers
    assert (headers.getlist("cache-control"), headers.getlist("content-type")) == (["no-cache"], ["text/plain"])


def test_a_stream_without_events_is_a_complete_answer():
    async def test():
        call = Call(EventStream(events()))
        await call.run()
        return call.kinds

    assert run(test) == ["start", "body"]


def test_an_error_before_the_first_event_can_still_have_a_status():
    app = FastAPI()

    async def failing():
        raise HTTPException(418, "no coffee")
        yield

    @app.get("/")
    async def endpoint():
        return EventStream(failing())

    with serve(app) as server:
        assert httpx.get(server.url).status_code == 418


def test_an_error_after_the_first_event_cuts_the_answer_off():
    async def failing():
        yield "one"
        raise ValueError("too late")

    async def endpoint(request):
        return EventStream(failing())

    with serve(Starlette(routes=[Route("/", endpoint)])) as server, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.url)
    assert "too late" in server.last_error


@given(data=text(), kind=one_line(min_size=1), identity=one_line(min_size=1))
def test_whatever_is_yielded_arrives_as_one_event_with_its_text(data, kind, identity):
    async def test():
        call = Call(EventStream(events(data, ServerSentEvent(kind, data, identity))))
        await call.run()
        return call.body

    same_line_ends = data.replace("\r\n", "\n").replace("\r", "\n")
    received = SSEDecoder().feed(run(test))
    assert received == [ServerSentEvent(data=same_line_ends), ServerSentEvent(kind, same_line_ends, identity)]


@pytest.mark.parametrize("field", ["event", "id"])
@pytest.mark.parametrize("forbidden", ["\n", "\r", "\r\n", "\0"])
def test_an_event_that_cannot_be_written_is_an_error_and_not_repaired(field, forbidden):
    call = Call(EventStream(events(ServerSentEvent(data="x", **{field: f"a{forbidden}data: forged"}))))
    with pytest.raises(MisuseError, match=field):
        run(call.run)
    assert call.body == b""


@spoken
@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, ""), (b"", ""), (b"7", "7"), ("☕-é-7".encode(), "☕-é-7"), (b"\xff7", "\ufffd7")],
)
def test_the_app_is_told_the_last_event_id_as_browsers_send_it(spoken, header, expected):
    async def endpoint(request):
        return PlainTextResponse(last_event_id(request))

    app = Starlette(routes=[Route("/", endpoint)])
    with serve(app, **spoken) as server, client(spoken) as http:
        assert http.get(server.url, headers={} if header is None else {"last-event-id": header}).text == expected


def test_the_example_in_the_documentation_runs():
    example = textwrap.dedent(sse.__doc__.partition("\n\n")[2].partition("\n\nRule:")[0])
    with redirect_stdout(io.StringIO()) as printed:
        exec(example, {})
    assert printed.getvalue() == "id: 2\ndata: number 2\n\nid: 3\ndata: number 3\n\n\n"

"""When the server stops, open streams are told so in their own words, and nobody can delay it."""

import asyncio
import json
import threading
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from course_lib.apps import chunked, openai_api
from course_lib.apps.live import STOPPING, LiveStream
from course_lib.apps.sse import EventStream
from course_lib.errors import MisuseError
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import ServerSentEvent, SSEDecoder
from tests.streams.spoken import client, spoken

FAST, FALLS_SILENT = ScriptedModel(pace=0), "stall@1:1000s"  # after the first token


@contextmanager
def reading(url, number):
    """So many streams of a Feed, each read up to where it falls silent."""
    with httpx.Client(limits=httpx.Limits(max_connections=None)) as http, ExitStack() as streams:
        bodies = [streams.enter_context(http.stream("GET", url)).iter_raw() for _ in range(number)]
        assert {next(body) for body in bodies} == {b"data: one\n\n"}
        yield bodies


class Feed:
    """Says `first` and falls silent; what happens is kept in `seen`. Cleaning up takes `pause` seconds."""

    def __init__(self, goodbye="bye", first="one", pause=0.0):
        self.goodbye, self.first, self.pause = goodbye, first, pause
        self.seen, self.waiting = [], threading.Semaphore(0)
        self.app = Starlette(routes=[Route("/", self.stream)], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, app):
        yield
        self.seen.append("down")

    async def events(self):
        try:
            if self.first:
                yield self.first
            self.waiting.release()
            await asyncio.sleep(3600)
        finally:
            self.seen.append("closed")
            await asyncio.sleep(self.pause)

    async def stream(self, request):
        return EventStream(self.events(), goodbye=self.goodbye)


@spoken
def test_the_last_event_is_the_goodbye_and_the_stream_ends_properly(spoken):
    feed = Feed(ServerSentEvent("bye", "come back"))
    with serve(feed.app, **spoken) as server, client(spoken) as http, http.stream("GET", server.url) as answer:
        body = answer.iter_raw()
        data = next(body)
        server.stop()
        data += b"".join(body)  # an end that is not proper would raise here
    assert [(event.event, event.data) for event in SSEDecoder().feed(data)] == [
        ("message", "one"),
        ("bye", "come back"),
    ]
    assert feed.seen == ["closed", "down"], "the generator is closed before the app shuts down"
    assert server.last_error is None


@spoken
def test_a_stream_without_a_goodbye_is_cut_off_visibly(spoken):
    feed = Feed(goodbye=None)
    with serve(feed.app, **spoken) as server, client(spoken) as http, http.stream("GET", server.url) as answer:
        body = answer.iter_raw()
        assert next(body) == b"data: one\n\n"
        server.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            list(body)
    assert feed.seen == ["closed", "down"]


@spoken
@pytest.mark.parametrize("goodbye", ["bye", None])
def test_who_was_sent_nothing_yet_gets_a_status(spoken, goodbye):
    feed, answers = Feed(goodbye, first=""), []

    def ask(url):
        with client(spoken) as http:
            answers.append(http.get(url))

    with serve(feed.app, **spoken) as server:
        asking = threading.Thread(target=ask, args=(server.url,))
        asking.start()
        assert feed.waiting.acquire(timeout=60)
        server.stop()
        asking.join(60)
    assert [(answer.status_code, answer.text) for answer in answers] == [(503, STOPPING)]


def test_the_openai_client_gets_an_error_with_the_reason():
    with (
        serve(openai_api.create_app(FAST, FALLS_SILENT)) as server,
        openai.OpenAI(api_key="-", base_url=f"{server.url}/v1", max_retries=0) as api,
    ):
        chunks = api.chat.completions.create(model="-", messages=[{"role": "user", "content": "?"}], stream=True)
        said = [next(chunks).choices[0].delta.content for _ in range(2)]
        server.stop()
        with pytest.raises(openai.APIError, match=STOPPING):
            next(chunks)
    assert said == ["", FAST.tokens()[0]]
    assert server.stats == {"connections": 0, "streams": 0, "generations": 0}


def test_ndjson_ends_with_an_error_line_and_plain_text_with_a_cut():
    with serve(chunked.create_app(FAST, FALLS_SILENT)) as server, httpx.Client() as http, ExitStack() as streams:
        bodies = []
        for path in ("ndjson", "text"):
            answer = streams.enter_context(http.stream("GET", f"{server.url}/{path}"))
            bodies.append(answer.iter_raw())
            assert FAST.tokens()[0].encode() in next(bodies[-1])
        server.stop()
        assert json.loads(b"".join(bodies[0]))["error"]["message"] == STOPPING
        with pytest.raises(httpx.RemoteProtocolError):
            list(bodies[1])


class Deaf(Feed):
    """Sends more than a socket holds, to a reader that does not read."""

    async def events(self):
        try:
            while True:
                self.waiting.release()
                yield "x" * 100_000
        finally:
            self.seen.append("closed")


@pytest.mark.parametrize("slow", [Deaf(), Feed(pause=3600)], ids=["does not read", "takes an hour to clean up"])
def test_one_slow_stream_delays_neither_the_others_nor_the_stop(slow, dial):
    quick = Feed()
    app = Starlette(routes=[Route("/slow", slow.stream), Route("/quick", quick.stream)])
    with serve(app) as server, httpx.stream("GET", f"{server.url}/quick") as answer:
        body = answer.iter_raw()
        data = next(body)
        dial(server.url).sendall(b"GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.waiting.acquire(timeout=60)
        while slow.waiting.acquire(timeout=0.2):
            pass  # until nothing more fits between the server and its reader
        server.stop()  # a ServerError, if it took a second
        data += b"".join(body)
    assert data == b"data: one\n\ndata: bye\n\n"
    assert (slow.seen, quick.seen) == (["closed"], ["closed"])


def test_all_of_many_streams_are_told():
    feed = Feed()
    with (
        serve(feed.app) as server,
        httpx.Client(limits=httpx.Limits(max_connections=None)) as http,
        ExitStack() as all_,
    ):
        bodies = [all_.enter_context(http.stream("GET", server.url)).iter_raw() for _ in range(50)]
        first = {next(body) for body in bodies}
        assert server.stats["streams"] == 50
        server.stop()
        last = {b"".join(body) for body in bodies}
    assert (first, last) == ({b"data: one\n\n"}, {b"data: bye\n\n"})


def test_a_stop_that_takes_long_because_there_is_much_to_do_is_waited_for():
    class Laborious(Feed):
        async def events(self):
            try:
                yield "one"
                await asyncio.sleep(3600)
            finally:
                time.sleep(0.05)  # noqa: ASYNC251 - a slow machine

    feed = Laborious()
    with (
        serve(feed.app) as server,
        httpx.Client(limits=httpx.Limits(max_connections=None)) as http,
        ExitStack() as all_,
    ):
        bodies = [all_.enter_context(http.stream("GET", server.url)).iter_raw() for _ in range(25)]
        assert {next(body) for body in bodies} == {b"data: one\n\n"}
        server.stop()
        assert {b"".join(body) for body in bodies} == {b"data: bye\n\n"}


def test_a_goodbye_that_cannot_be_written_is_an_error_at_once_and_not_at_the_end():
    with pytest.raises(MisuseError):
        EventStream(Feed().events(), goodbye=ServerSentEvent("two\nlines"))


def test_an_answer_whose_end_is_being_sent_gets_no_goodbye_behind_it():
    class Services:
        own_turns = False

        def heeding_stop(self, end):
            self.end = end
            return ExitStack()

    async def pieces():
        yield b"all"

    async def test():
        services, sent, blocked = Services(), [], asyncio.Event()

        async def send(message):
            if message.get("more_body") is False:
                services.end()  # the server stops while the client does not read the end
                await asyncio.sleep(0)
            sent.append(message.get("body"))

        scope = {"type": "http", "extensions": {"course": services}}
        await LiveStream(pieces(), goodbye=b"bye")(scope, blocked.wait, send)
        return sent

    assert asyncio.run(test()) == [None, b"all", b""]

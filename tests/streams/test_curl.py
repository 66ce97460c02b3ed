"""The real curl on the other side: what it shows and when, and which exit status each ending has.

What was found, with curl 7.88: a cut is seen only where the framing has an end (chunked: 18, HTTP/2: 92), never
with HTTP/1.0; a missing `[DONE]` and an error inside the stream are a success for curl; without -N and into a pipe,
events come in blocks of 4,096 bytes.
"""

import asyncio
import contextlib
import os
import selectors
import shutil
import subprocess
import threading
import time

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from course_lib.apps import chunked, openai_api
from course_lib.apps.sse import EventStream
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.chunked import ChunkedDecoder
from tests.streams.peers import eventually
from tests.streams.spoken import SPOKEN

FAST = ScriptedModel(pace=0)
TOKENS = FAST.tokens()
BODY = '{"stream": true, "messages": [{"role": "user", "content": "?"}]}'
CHAT = ("-d", BODY)
PATIENCE = 60  # seconds
H2 = "--http2-prior-knowledge"
# by name: how it is served, and what curl is told
WAYS = {name: (options, (H2,) if "http2" in options else ()) for name, options in SPOKEN.items()}
WAYS["HTTP/1.0"] = {"http": "h11"}, ("--http1.0",)
spoken = pytest.mark.parametrize("spoken", WAYS)


def command(*arguments):
    path = shutil.which("curl")
    assert path, "these tests need curl: run tests/system_packages.sh"
    return [path, "-q", "-sS", "--noproxy", "*", *arguments]  # nobody's .curlrc and no proxy


def curl(*arguments):
    """(exit status, what it printed)"""
    ran = subprocess.run(command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    return ran.returncode, ran.stdout


def chat(server, *arguments):
    return curl(*CHAT, *arguments, f"{server.url}/v1/chat/completions")


class Running:
    """A curl that runs: its output is read while it comes."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self.printed = self.reported = b""

    def read_until(self, text, name="printed"):
        """Until `text` is in what it printed, or "reported" on stderr; an assertion fails after PATIENCE."""
        pipe = self.process.stdout if name == "printed" else self.process.stderr
        deadline = time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while text not in getattr(self, name):
                assert selector.select(max(0.0, deadline - time.monotonic())), f"{text!r} did not come: {vars(self)}"
                data = os.read(pipe.fileno(), 65536)
                assert data, f"curl ended without {text!r}: {vars(self)}"
                setattr(self, name, getattr(self, name) + data)

    def kill(self):
        """End it at once, as it is; then all that it had written into its pipe is in `printed`."""
        self.process.kill()
        self.printed += self.process.stdout.read()
        self.process.wait(PATIENCE)


@pytest.fixture
def running():
    """`running(*arguments)` starts a curl; all are ended after the test."""
    with contextlib.ExitStack() as stack:

        def start(*arguments):
            curl = Running(*arguments)
            stack.enter_context(curl.process)
            stack.callback(curl.process.kill)
            return curl

        yield start


class Held:
    """An endpoint that sends event after event, each when the test lets it go."""

    def __init__(self, size=0):
        self.permits = threading.Semaphore(0)
        self.app = Starlette(routes=[Route("/", self.stream)])
        self.size = size

    async def stream(self, request):
        return EventStream(self.events(), ping=None)

    async def events(self):
        for number in range(1, 6):
            while not self.permits.acquire(blocking=False):  # noqa: ASYNC110 - released by another thread
                await asyncio.sleep(0.001)
            yield f"event {number}" + "." * self.size


@spoken
def test_with_N_each_event_is_printed_while_the_server_holds_the_next_back(spoken, running):
    options, arguments = WAYS[spoken]
    held = Held()
    with serve(held.app, **options) as server:
        curl = running("-N", *arguments, server.url)
        for number in range(1, 6):
            held.permits.release()
            curl.read_until(b"event %d\n\n" % number)
        assert curl.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(("flag", "shown"), [("-N", b"data: event 1\n\n"), ("-s", b"")], ids=["with -N", "without"])
def test_without_N_nothing_comes_out_of_the_pipe_although_curl_has_it(flag, shown, running):
    held = Held()
    with serve(held.app) as server:
        curl = running("--trace-ascii", "%", flag, server.url)  # to stderr
        held.permits.release()
        curl.read_until(b"data: event 1", "reported")
        held.permits.release()
        curl.read_until(b"data: event 2", "reported")  # so it is done with event 1
        curl.kill()
    assert curl.printed[: len(shown) or None] == shown


def test_without_N_events_come_out_in_blocks_that_end_anywhere(running):
    held = Held(size=1500)
    with serve(held.app) as server:
        curl = running(server.url)
        for _ in range(3):
            held.permits.release()
        curl.read_until(b"event 2")
        assert (len(curl.printed), curl.printed[-1:]) == (4096, b"."), "a whole block, and the third event is in pieces"
        held.permits.release(2)
        curl.read_until(b"event 5")
        assert curl.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("leaving", ["kill", "terminate", "--max-time"])
@pytest.mark.parametrize("spoken", ["h11", "HTTP/2"])
def test_a_curl_that_goes_ends_the_generation(leaving, spoken, running):
    options, arguments = WAYS[spoken]
    with serve(openai_api.create_app(FAST, "stall@1:1000s"), **options) as server:
        limit = ("--max-time", "0.5") if leaving == "--max-time" else ()
        curl = running("-N", *arguments, *limit, *CHAT, f"{server.url}/v1/chat/completions")
        if not limit:
            curl.read_until(f'"content": "{TOKENS[0]}"'.encode())
            assert server.stats == {"connections": 1, "streams": 1, "generations": 1}
            getattr(curl.process, leaving)()
        assert curl.process.wait(PATIENCE) == {"kill": -9, "terminate": -15, "--max-time": 28}[leaving]
        assert eventually(lambda: not any(server.stats.values())), server.stats


@pytest.mark.parametrize(
    ("fault", "chunks", "http2", "http10"),
    [
        ("cut@3", 18, 92, 0),
        ("reset@3", 56, 92, 56),
        ("truncate@3", 0, 0, 0),
        ("error@3", 0, 0, 0),
        ("garble@3", 0, 0, 0),
        ("status@0:429", 0, 0, 0),
    ],
)
@spoken
def test_the_exit_status_tells_the_framing_and_nothing_else(spoken, fault, chunks, http2, http10):
    options, arguments = WAYS[spoken]
    expected = {"HTTP/2": http2, "HTTP/1.0": http10}.get(spoken, chunks)
    with serve(openai_api.create_app(FAST, fault), **options) as server:
        status, body = chat(server, *arguments)
    assert status == expected
    assert (b"[DONE]" in body) == (fault == "garble@3")
    shown, sent = body.count(b'"delta"'), {"status@0:429": 0, "garble@3": len(TOKENS) + 1}.get(fault, 4)
    assert shown == sent or (status == 92 and shown < sent), "RST_STREAM makes curl forget what it has not printed yet"


@pytest.mark.parametrize(("flag", "status", "shown"), [("--fail", 22, b""), ("--fail-with-body", 22, b"rate_limit")])
def test_an_error_status_is_a_failure_only_when_asked_for(flag, status, shown):
    with serve(openai_api.create_app(FAST, "status@0:429")) as server:
        found, body = chat(server, flag)
    assert (found, shown in body, bool(body)) == (status, True, bool(shown))


@pytest.mark.parametrize(
    ("served", "asked", "expected"),
    [
        ({}, (), "1.1"),
        ({}, ("--http1.0",), "1.1"),  # the version of the answer: a server states its own (RFC 9112, section 2.3)
        ({"http2": True}, (H2,), "2"),
        ({"http2": True}, ("--http1.1",), "1.1"),
        ({"http2": True, "tls": True}, (), "2"),
        ({"http2": True, "tls": True}, ("--http1.1",), "1.1"),
        ({"tls": True}, (), "1.1"),
    ],
    ids=str,
)
def test_the_version_is_agreed_by_prior_knowledge_or_alpn(served, asked, expected):
    with serve(chunked.create_app(FAST), **served) as server:
        trust = ("--cacert", server.ca_file) if server.ca_file else ()
        written = curl(*asked, *trust, "-o", os.devnull, "-w", "%{http_version} %{http_code}", f"{server.url}/text")
    assert written == (0, f"{expected} 200".encode())


def test_an_upgrade_to_http_2_is_not_offered_and_prior_knowledge_must_be_right():
    with serve(chunked.create_app(FAST), http2=True) as server:
        assert curl("--http2", "-o", os.devnull, "-w", "%{http_version}", f"{server.url}/text") == (0, b"1.1")
    with serve(chunked.create_app(FAST)) as server:
        status, body = curl(H2, f"{server.url}/text")
    assert (status != 0, body) == (True, b"")


def test_a_certificate_of_nobody_is_refused():
    with serve(chunked.create_app(FAST), tls=True) as server:
        assert curl(f"{server.url}/text") == (60, b"")


@pytest.mark.parametrize(
    ("path", "spoken", "statuses"),
    [("text", "h11", {18}), ("text", "HTTP/2", {18, 92}), ("text", "HTTP/1.0", {0}), ("ndjson", "h11", {0})],
)
def test_when_the_server_stops_text_is_cut_and_json_ends_with_the_reason(path, spoken, statuses, running):
    options, arguments = WAYS[spoken]
    with serve(chunked.create_app(FAST, "stall@1:1000s"), **options) as server:
        curl = running("-N", *arguments, f"{server.url}/{path}")
        curl.read_until(TOKENS[0].encode())
    assert curl.process.wait(PATIENCE) in statuses
    curl.kill()
    assert (b"shutting down" in curl.printed) == (path == "ndjson")


def test_nobody_there_is_status_7():
    with serve(chunked.create_app(FAST)) as server:
        url = server.url
    assert curl(url) == (7, b"")


def test_raw_shows_the_chunks():
    with serve(chunked.create_app(FAST)) as server:
        status, body = curl("--raw", f"{server.url}/text?max_tokens=3")
    first = b"%x\r\n%s\r\n" % (len(TOKENS[0]), TOKENS[0].encode())
    assert (status, body.startswith(first), body.endswith(b"\r\n0\r\n\r\n")) == (0, True, True)
    assert b"".join(ChunkedDecoder().feed(body)) == "".join(TOKENS[:3]).encode()

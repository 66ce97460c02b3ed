"""A page that listens and reads, open in Chromium, and the streams that it talks to.

Rule: a page is served by the server that it talks to. What it has seen is kept in the page, in order, by name.
"""

import asyncio
import threading
import time
from collections import Counter
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from course_lib import serve
from course_lib.apps.live import HangUp
from course_lib.apps.sse import EventStream, last_event_id
from course_lib.wire.sse import ServerSentEvent
from tests.streams.peers import eventually

PATIENCE = 60  # seconds
PAGE = """<!doctype html><meta charset="utf-8"><title>streams</title><script>
const sources = {}, seen = {};  // by name: what came, in order
const note = name => event => seen[name].push([event.type, event.data ?? null, event.lastEventId ?? null]);
function listen(name, url, ...types) {
    seen[name] = [];
    sources[name] = new EventSource(url);
    for (const type of ['open', 'message', 'error', ...types]) sources[name].addEventListener(type, note(name));
}
function read(name, url, options = {}) {  // chunks as they come, each decoded twice: by itself, and as a part
    seen[name] = [];
    const stop = sources[name] = new AbortController(), decoder = new TextDecoder();
    (async () => {
        const answer = await fetch(url, {...options, signal: stop.signal});
        const reader = answer.body.getReader();
        for (;;) {
            const {done, value} = await reader.read();
            if (done) break;
            seen[name].push([decoder.decode(value, {stream: true}), new TextDecoder().decode(value)]);
        }
        seen[name].push(['end', answer.status]);
    })().catch(error => seen[name].push(['failed', error.name]));
}
function ask(name, url) {
    const body = JSON.stringify({stream: true, messages: [{role: 'user', content: '?'}]});
    read(name, url, {method: 'POST', headers: {'content-type': 'application/json'}, body});
}
const text = name => seen[name].map(chunk => chunk[0]).join('');
</script>"""


def with_page(app):
    """`app`, and the page at /page."""

    async def served(scope, receive, send):
        page = scope["type"] == "http" and scope["path"] == "/page"
        await (HTMLResponse(PAGE) if page else app)(scope, receive, send)

    return served


class Tab:
    """The page, open in Chromium, and the server that it talks to."""

    def __init__(self, browser, server, url):
        self.server = server
        self.page = browser.new_page()
        self.page.goto(f"{url}/page")

    def run(self, script):
        return self.page.evaluate(script)

    def wait(self, condition):
        """Until a condition of the page is true."""
        self.page.wait_for_function(condition, timeout=PATIENCE * 1000)

    def seen(self, name):
        return self.run(f"seen['{name}']")

    def wait_server(self, condition):
        """Until something is true on the server; the page goes on meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.server.stats
            self.page.wait_for_timeout(5)


@contextmanager
def tabs(browser):
    """A function `open_(app)` that serves the app and opens the page. At the end no stream, no generation may be left.

    hop: a function that puts a hop before a URL; the page is then read through it.
    """
    opened = []

    def open_(app, hop=None):
        server = serve(with_page(app))
        here = hop(server.url) if hop else None
        opened.append((Tab(browser, server, here.url if here else server.url), here))
        return opened[-1][0]

    try:
        yield open_
    finally:
        left = [_close(*tab) for tab in opened]
    assert left == [(0, 0)] * len(left), "the page has gone, its streams have not"


def _close(tab, hop):
    tab.page.close()
    eventually(lambda: not tab.server.stats["streams"] and not tab.server.stats["generations"])
    left = tab.server.stats
    for running in (hop, tab.server):
        if running is not None:
            running.stop()
    return left["streams"], left["generations"]


class Feeds:
    """Streams of events by name, for EventSource: each visit is noted with the id that came along."""

    def __init__(self, **answers):
        self.answers = answers
        self.visits = Counter()
        self.ids = {name: [] for name in answers}
        self.app = Starlette(routes=[Route("/{name}", self.answer)])

    async def answer(self, request):
        name = request.path_params["name"]
        self.visits[name] += 1
        self.ids.setdefault(name, []).append(last_event_id(request))
        return self.answers[name.rstrip("0123456789")](self.visits[name])


def stream(*events):
    """A stream of these events, then a clean end. HangUp: cut. None: stay open. A threading.Event: wait for it."""

    async def source():
        for event in events:
            if isinstance(event, HangUp):
                raise event
            if isinstance(event, threading.Event):
                while not event.is_set():  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(0.001)
            elif event is None:
                await asyncio.sleep(3600)
            else:
                yield event

    return EventStream(source())


def quickly(number):
    """An event, then the end; the next visit follows in 10 ms."""
    return stream(ServerSentEvent(data=f"visit {number}", retry=10))


class Gate:
    """Lets pieces of a body out one by one, when the test says so."""

    def __init__(self, app):
        self.app = app
        self.permits = threading.Semaphore(0)

    async def __call__(self, scope, receive, send):
        async def held(message):
            if message.get("more_body"):
                while not self.permits.acquire(blocking=False):  # noqa: ASYNC110 - released by another thread
                    await asyncio.sleep(0.001)
            await send(message)

        await self.app(scope, receive, held)

"""Chromium and HTTP/2: what it speaks, what it does when a reader leaves, and how many streams it opens."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from course_lib import serve
from course_lib.apps import chunked
from tests.streams.h2_peers import Steps, wait_for
from tests.streams.leaving import Peer, check_fact, cut_row, measure

READ = """async name => {
    const control = new AbortController();
    const response = await fetch(`/steps/${name}`, {signal: control.signal});
    const reader = response.body.getReader();
    const text = new TextDecoder();
    (window.streams ??= {})[name] = {control, reader, text, seen: ''};
}"""
NEXT = """async ([name, wanted]) => {
    const stream = window.streams[name];
    while (!stream.seen.includes(wanted)) {
        const {done, value} = await stream.reader.read();
        if (done) return false;
        stream.seen += stream.text.decode(value, {stream: true});
    }
    return true;
}"""
PROTOCOL = "() => performance.getEntriesByType('navigation')[0].nextHopProtocol"


@pytest.fixture
def page_at(browser):
    """A function: a page of its own, with no cache, at an address whose certificate nobody knows."""
    contexts = []

    def open_(url):
        contexts.append(browser.new_context(ignore_https_errors=True))
        page = contexts[-1].new_page()
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def steps_server():
    steps = Steps()
    with serve(steps.app, http2=True, tls=True) as server:
        yield steps, server


class ChromiumPeer(Peer):
    """fetch in a page."""

    name, leaving = "Chromium", "`AbortController.abort()`"

    def __init__(self, page):
        self.page = page

    def open(self, name):
        self.page.evaluate(READ, name)
        self.next(name, "first")

    def leave(self, name):
        self.page.evaluate("name => window.streams[name].control.abort()", name)

    def next(self, name, wanted):
        assert self.page.evaluate(NEXT, [name, wanted])

    def close(self):
        self.page.close()

    def quit(self):
        self.page.context.close()


def test_a_page_gets_http_2_and_its_fetch_reads_piece_by_piece(page_at, steps_server):
    steps, server = steps_server
    page = page_at(server.url)
    assert page.evaluate(PROTOCOL) == "h2"
    page.evaluate(READ, "a")
    assert page.evaluate(NEXT, ["a", "first"])
    steps.push("a", "second")
    assert page.evaluate(NEXT, ["a", "second"])
    assert page.evaluate("() => performance.getEntriesByType('resource').every(e => e.nextHopProtocol === 'h2')")
    assert server.stats["connections"] == 1


def test_what_chromium_does_when_its_reader_leaves_is_what_the_table_says(page_at):
    check_fact(measure(lambda url, ca_file: ChromiumPeer(page_at(f"{url}/")), tls=True))


def test_what_chromium_makes_of_a_stream_that_is_cut_is_what_the_table_says(page_at):
    def app(model, faults):
        return Starlette(routes=[Route("/", Steps().page), Mount("/", chunked.create_app(model, faults))])

    def read(url):
        text, error = page_at(url).evaluate(
            """async () => {
                let text = '';
                try {
                    const reader = (await fetch('/text')).body.pipeThrough(new TextDecoderStream()).getReader();
                    for (let piece; !(piece = await reader.read()).done; ) text += piece.value;
                } catch (error) { return [text, error.name]; }
            }"""
        )
        assert "Streaming does not".startswith(text), "it may throw away what the page has not read yet"
        return f"`{error}`"

    check_fact(cut_row("Chromium", app, read, tls=True))


def test_closing_a_page_stops_its_streams_and_keeps_the_connection(page_at, steps_server):
    steps, server = steps_server
    page = page_at(server.url)
    peer = ChromiumPeer(page)
    peer.open("a")
    sibling = page.context.new_page()
    sibling.goto(server.url)
    ChromiumPeer(sibling).open("b")
    page.close()
    assert wait_for(lambda: steps.ended("a")) == "cancelled"
    steps.push("b", "still here")
    assert sibling.evaluate(NEXT, ["b", "still here"])
    wait_for(lambda: server.stats == {"connections": 1, "streams": 1, "generations": 1})


def test_twenty_event_sources_are_open_at_once_on_one_connection(page_at, steps_server):
    """Over HTTP/1.1 six would be: see test_event_source."""
    steps, server = steps_server
    page = page_at(server.url)
    page.evaluate(
        """count => { window.texts = {}; window.sources = [...Array(count).keys()].map(i => {
            const source = new EventSource(`/steps/${i}`);
            source.onmessage = event => { (window.texts[i] ??= []).push(event.data); };
            return source; }) }""",
        20,
    )
    page.wait_for_function("() => Object.keys(window.texts).length === 20")
    wait_for(lambda: server.stats == {"connections": 1, "streams": 20, "generations": 20})
    for number in range(20):
        steps.push(str(number), f"for {number}")
    page.wait_for_function("() => Object.values(window.texts).every((texts, i) => texts.includes(`for ${i}`))")
    page.evaluate("() => window.sources[7].close()")
    assert wait_for(lambda: steps.ended("7")) == "cancelled"
    wait_for(lambda: server.stats == {"connections": 1, "streams": 19, "generations": 19})


def test_a_websocket_cannot_be_opened_beside_http_2(page_at):
    """zttp announces extended CONNECT (RFC 8441), so Chromium uses it; uvicorn takes it for an ordinary request."""

    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text("hello")

    app = Steps().app
    app.router.routes.append(WebSocketRoute("/ws", echo))
    ask = """path => new Promise(tell => {
        const socket = new WebSocket(location.href.replace('https', 'wss') + path);
        socket.onmessage = event => tell(event.data);
        socket.onclose = event => tell(event.code);
    })"""
    with serve(app, http2=True, tls=True) as server:
        assert page_at(f"{server.url}/").evaluate(ask, "ws") == 1006
    with serve(app, tls=True) as server:
        assert page_at(f"{server.url}/").evaluate(ask, "ws") == "hello"

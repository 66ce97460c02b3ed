"""The chat over Chromium's WebSocket: cancel, replace, leave, and which pages may come at all.

Rule: what the page sees is told by its own log; what the wire saw, by a tap. A page that may not come is one that the
server has refused: its recording says so.
"""

import asyncio
import threading
import time

import pytest

from course_lib import serve, tap
from course_lib.apps import websocket_chat
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server.guard import Services
from course_lib.views.websocket import Conversation
from course_lib.wire.websocket import Opcode

PATIENCE = 60  # seconds
FAST = ScriptedModel(pace=0)
LONG = ScriptedModel("word " * 100_000, pace=0.01)
OPEN = """url => {
    window.log = [];
    const socket = window.socket = new WebSocket(url);
    window.send = message => socket.send(JSON.stringify(message));
    window.of = type => log.filter(entry => entry.type === type);
    socket.onopen = () => log.push({type: "open", extensions: socket.extensions});
    socket.onmessage = event => log.push(JSON.parse(event.data));
    socket.onerror = () => log.push({type: "failed"});
    socket.onclose = event => log.push({type: "closed", code: event.code, clean: event.wasClean, reason: event.reason});
}"""


@pytest.fixture
def chat(browser):
    """`chat(model, ...)` opens a page of this machine that is connected: (page, tap, server)."""
    opened = []

    def open_(*args, place="http://127.0.0.1:{}/-/stats", wait="open", **options):
        server = serve(websocket_chat.create_app(*args, **options))
        hop = tap(server.url)
        page = browser.new_page()
        opened.append((page, hop, server))
        page.goto(place.format(server.port))
        page.evaluate(OPEN, hop.url.replace("http", "ws", 1) + "/ws")
        wait_for(page, wait)
        return opened[-1]

    yield open_
    for page, hop, server in opened:
        page.close()
        hop.stop()
        server.stop()


def wait_for(page, kind, count=1):
    """Until the page has seen so many of that kind."""
    page.wait_for_function(f"() => of({kind!r}).length >= {count}", timeout=PATIENCE * 1000)


def until(page, condition):
    """Until something is true on the server; the page goes on meanwhile."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        page.wait_for_timeout(5)


def idle(server):
    """No WebSocket is open; the connection of the page itself is kept alive a little longer."""
    return (server.stats["streams"], server.stats["generations"]) == (0, 0)


def ask(page, id, **fields):
    page.evaluate("message => send(message)", {"type": "prompt", "id": id, "content": "Why stream?", **fields})


def test_a_page_of_this_machine_gets_its_answer(chat):
    page, hop, server = chat(FAST)
    ask(page, "a")
    wait_for(page, "done")
    assert page.evaluate("of('token').map(token => token.content).join('')") == DEFAULT_TEXT
    assert page.evaluate("of('done')[0].usage.completion_tokens") == len(FAST.tokens())
    assert page.evaluate("of('open')[0].extensions") == ""  # Chromium offers compression, the server declines
    request = hop.recording.bytes_from("client").partition(b"\r\n\r\n")[0].lower()
    assert b"\r\norigin: " + server.url.encode() in request
    assert b"permessage-deflate" in request
    assert all(frame.mask for frame in Conversation(hop.recording).of("client"))


@pytest.mark.parametrize("faults", [None, "stall@3:1000s*1"])
def test_a_cancel_is_heard_while_the_answer_is_sent_and_while_it_stalls(chat, faults):
    page, _, server = chat(LONG, faults)
    ask(page, "a")
    wait_for(page, "token", 3)
    page.evaluate("send({type: 'cancel', id: 'a'})")
    wait_for(page, "cancelled")
    assert server.stats["generations"] == 0
    ask(page, "b", max_tokens=2)
    wait_for(page, "done")
    after = page.evaluate("log.slice(log.findIndex(entry => entry.type === 'cancelled') + 1).map(entry => entry.id)")
    assert after == ["b"] * 3


def test_a_new_prompt_replaces_the_old_one_and_a_tool_answers_in_the_middle(chat):
    page, *_ = chat(LONG)
    ask(page, "a")
    wait_for(page, "token")
    ask(page, "b", max_tokens=4, tools=[{"name": "weather"}])
    wait_for(page, "tool_call")
    assert page.evaluate("of('cancelled').map(entry => entry.id)") == ["a"]
    page.evaluate("send({type: 'tool_result', id: 'b', content: 'rain'})")
    wait_for(page, "done")
    assert page.evaluate("of('token').filter(entry => entry.id === 'b').length") == 4


def test_the_browser_answers_pings_without_the_page(chat):
    page, hop, server = chat(LONG, ping=0.05)

    def pongs():
        return sum(frame.opcode is Opcode.PONG for frame in Conversation(hop.recording).of("client"))

    until(page, lambda: pongs() >= 3)
    assert server.stats["streams"] == 1


@pytest.mark.parametrize("leave", ["socket.close(4000, 'enough')", "location.reload()", "location = 'about:blank'"])
def test_a_page_that_leaves_stops_its_answer(chat, leave):
    # In a stall: else Chromium leaves tokens unread, its connection is reset, and that may overtake its close frame.
    page, hop, server = chat(LONG, "stall@3:1000s")
    ask(page, "a")
    wait_for(page, "token", 3)
    page.evaluate(f"() => {{ {leave} }}")
    until(page, lambda: idle(server))
    codes = [frame.close_code for frame in Conversation(hop.recording).of("client") if frame.opcode is Opcode.CLOSE]
    assert codes == [4000 if "4000" in leave else 1001]


def test_a_tab_that_is_closed_stops_its_answer(chat, browser):
    page, _, server = chat(LONG)
    ask(page, "a")
    wait_for(page, "token", 3)
    other = browser.new_page()
    page.close()
    until(other, lambda: idle(server))
    other.close()


@pytest.mark.parametrize(
    ("fault", "code", "clean"), [("cut@3", 1006, False), ("reset@3", 1006, False), ("truncate@3", 1000, True)]
)
def test_how_a_page_is_told_of_an_answer_that_is_not_whole(chat, fault, code, clean, monkeypatch):
    read, hang_up = threading.Event(), Services.hang_up

    async def when_all_is_read(services, *, reset):  # what a page has not read may be lost when its connection breaks
        while not read.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.001)
        await hang_up(services, reset=reset)

    monkeypatch.setattr(Services, "hang_up", when_all_is_read)
    page, *_ = chat(FAST, fault)
    ask(page, "a")
    wait_for(page, "token", 3)
    read.set()
    wait_for(page, "closed")
    closed = page.evaluate("of('closed')[0]")
    assert (closed["code"], closed["clean"]) == (code, clean)
    assert page.evaluate("[of('token').length, of('done').length]") == [3, 0]


def test_a_server_that_stops_says_going_away(chat):
    page, _, server = chat(LONG)
    ask(page, "a")
    wait_for(page, "token")
    server.stop()
    wait_for(page, "closed")
    assert page.evaluate("of('closed')[0].code") == 1001


def refused(page, hop):
    """The Origin header of a handshake that was answered with 403."""
    wait_for(page, "closed")
    assert page.evaluate("log.map(entry => entry.type)") == ["failed", "closed"]
    assert page.evaluate("of('closed')[0].code") == 1006  # a page is never told which status it was
    request, answer = (hop.recording.bytes_from(side).decode() for side in ("client", "server"))
    assert answer.startswith("HTTP/1.1 403 ")
    return next(line[8:] for line in request.split("\r\n") if line.lower().startswith("origin: "))


def test_a_page_by_another_name_of_this_machine_is_refused_before_accepting(chat):
    # Chromium takes every name below localhost to this machine; an attacker would use DNS rebinding
    place = "http://evil.localhost:{}/-/stats"
    page, hop, server = chat(FAST, place=place, wait="closed")
    assert refused(page, hop) == place.format(server.port).removesuffix("/-/stats")
    assert server.stats["streams"] == 0


def test_a_sandboxed_frame_of_a_good_page_has_no_origin_and_is_refused(chat):
    page, hop, _ = chat(FAST)
    page.evaluate("""() => { const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts'; frame.srcdoc = '<p>sandbox</p>'; document.body.append(frame); }""")
    frame = page.wait_for_selector("iframe").content_frame()
    frame.evaluate(OPEN, hop.url.replace("http", "ws", 1) + "/ws")
    frame.wait_for_function("() => of('closed').length", timeout=PATIENCE * 1000)
    assert frame.evaluate("log.map(entry => entry.type)") == ["failed", "closed"]
    conversation = Conversation(hop.recording)
    assert [one.told for one in conversation.seen if one.what == "response"][-1] == "HTTP/1.1 403 Forbidden"
    assert "origin: null" in [one.told for one in conversation.seen if one.what == "request"][-1]


@pytest.mark.parametrize("place", ["http://evil.example/", "data:text/html,hello"])
def test_a_page_from_elsewhere_never_gets_in(chat, place):
    page, _, server = chat(FAST)
    page.route("http://evil.example/", lambda route: route.fulfill(body="hello", content_type="text/html"))
    page.goto(place)
    until(page, lambda: idle(server))
    with tap(server.url) as second:
        page.evaluate(OPEN, second.url.replace("http", "ws", 1) + "/ws")
        wait_for(page, "closed")
        answers = [one.told for one in Conversation(second.recording).seen if one.what == "response"]
    assert page.evaluate("log.map(entry => entry.type)") == ["failed", "closed"]
    assert answers in ([], ["HTTP/1.1 403 Forbidden"])  # [] where Chromium guards the local network itself, as 156 does

"""The waterfall: everything that is given to it reaches the front end, and no thread is left behind."""

import asyncio
import threading
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from course_lib import tap
from course_lib.errors import MisuseError
from course_lib.recording import Recording
from course_lib.views import bytes_view, events_view, http2_view, waterfall, websocket_view
from tests.views.conftest import threads
from tests.views.recordings import EVENTS, HOSTILE, REQUEST, chat, conversation

NO_SCRIPTS = {"html", "body", "div", "b", "span", "pre", "table", "caption", "thead", "tbody", "tr", "th", "td", "img"}


def pictures(view):
    """All pictures that the view sends from now on."""
    sent = []
    view.observe(lambda change: sent.append(change.new), "html")
    return sent


def test_five_thousand_tokens_each_from_four_threads_are_all_shown():
    view = waterfall("load")
    sent = pictures(view)
    lanes = [view.lane(f"lane {number}") for number in range(4)]

    def fill(lane):
        lane.start()
        for _ in range(5000):
            lane.token("tok ")
        lane.end()

    workers = [threading.Thread(target=fill, args=[lane]) for lane in lanes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    view.stop()
    assert view.html.count("5,000 tokens") == 4
    assert " s …" not in view.html
    assert len(sent) < 40, "tokens are batched"
    assert max(map(len, sent)) < 50_000


def test_tokens_come_from_async_code_too():
    async def stream(lane):
        for text in "abc":
            await asyncio.sleep(0)
            lane.token(text)
        lane.end("truncated")

    view = waterfall()
    asyncio.run(stream(view.lane("async")))
    assert "3" in str(view.snapshot())
    assert "truncated" in str(view.snapshot())


def test_the_thread_ends_by_itself_when_all_lanes_have_ended():
    view = waterfall()
    lane = view.lane("a")
    lane.start()
    assert threads()
    lane.end()
    for thread in threads():
        thread.join(10)
    assert not threads()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_an_error_while_drawing_the_next_token_tries_again(monkeypatch):
    view = waterfall()
    monkeypatch.setattr(view, "_picture", lambda: 1 / 0)
    lane = view.lane("a")
    for thread in threads():
        thread.join(10)
    monkeypatch.undo()
    lane.token("x")
    lane.end()
    view.stop()
    assert "1 token<" in view.html


def test_a_recording_is_followed_while_it_grows():
    view, recording, whole = waterfall(), Recording("hop"), chat("a", "b")
    arrived = threading.Event()
    view.observe(lambda change: arrived.set() if "1 token<" in change.new else None, "html")
    view.watch(recording)
    for chunk in whole.chunks[:-2]:
        recording.add(chunk.at, chunk.conn, chunk.side, chunk.data, chunk.kind)
    assert arrived.wait(10)
    for chunk in whole.chunks[-2:]:
        recording.add(chunk.at, chunk.conn, chunk.side, chunk.data, chunk.kind)
    view.stop()
    view.stop()
    assert "2 tokens<" in view.html
    assert not threads()


def test_a_stream_that_says_nothing_still_grows_on_the_screen():
    view = waterfall()
    lane, grown = view.lane("a"), threading.Event()
    view.observe(lambda change: grown.set() if ">0.3 s …<" in change.new else None, "html")
    lane.start()
    assert grown.wait(10)
    lane.end()
    view.stop()


def test_misuse_is_named():
    lane = waterfall().lane(1)
    lane.start()
    with pytest.raises(MisuseError, match="lane '1' was started already"):
        lane.start()
    with pytest.raises(MisuseError, match="got None; leave out the chunks without content"):
        lane.token(None)
    lane.end("truncated")
    lane.end("complete")
    with pytest.raises(MisuseError, match=r"has ended \(truncated\)"):
        lane.token("x")


@pytest.mark.parametrize("view", [bytes_view, events_view, http2_view, websocket_view, waterfall().watch])
@pytest.mark.parametrize("wrong", [5, None, tap])
def test_what_cannot_be_looked_at_is_named(view, wrong):
    with pytest.raises(MisuseError, match=f"got {type(wrong).__name__}"):
        view(wrong)


def test_bytes_come_from_one_of_two_sides():
    with pytest.raises(MisuseError, match="one of client, server; got 'sever'"):
        bytes_view(Recording(), side="sever")


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def hostile_views():
    view = waterfall(HOSTILE)
    view.watch(chat(HOSTILE, title=HOSTILE))
    lane = view.lane(HOSTILE)
    lane.token(HOSTILE)
    lane.end(HOSTILE)
    recording = conversation(EVENTS, HOSTILE.encode(), title=HOSTILE, request=REQUEST)
    live = bytes_view(recording), events_view(recording)
    for one in (view, *live):
        one.stop()
    return [view, *live, bytes_view(HOSTILE.encode()), events_view(f"data: {HOSTILE}\n\n{HOSTILE}: {HOSTILE}\n\n")]


@pytest.mark.parametrize("number", range(5))
def test_nothing_from_the_wire_becomes_part_of_a_page(number):
    view = hostile_views()[number]
    bundle = view._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    page = Tags(bundle["text/html"])
    assert page.tags <= NO_SCRIPTS
    assert not any(name.startswith("on") for name in page.attributes)
    for text in (bundle["text/html"], bundle["text/plain"]):
        assert not {"\x00", "\u202e"} & set(text)
    if picture := bundle.get("image/svg+xml"):
        assert {node.tag.rpartition("}")[2] for node in ET.fromstring(picture).iter()} <= {
            "svg", "title", "rect", "text", "path", "g"
        }  # fmt: skip
    assert "0x" not in repr(view).lower().replace("\\x0", "")


def test_a_snapshot_stays_as_it_was():
    view = waterfall("one")
    lane = view.lane("a")
    lane.token("x")
    before = view.snapshot()
    text = str(before)
    lane.token("y")
    lane.end()
    assert str(before) == text != str(view.snapshot())


def test_the_text_twin_says_what_the_picture_shows():
    view = waterfall("Two ways")
    view.watch(chat("a", "b", "c", title="stream: true"))
    view.stop()
    view.lane("not yet")
    assert repr(view.snapshot()).splitlines() == [
        "Two ways",
        "stream        tokens  first token  median gap  95 % gap  total    ending",
        "stream: true  3       1.000 s      0.500 s     0.500 s   2.000 s  complete",
        "not yet       0       –            –           –         –        not started",
    ]
    view.stop()
    assert repr(view) == "<waterfall 'Two ways': 2 lanes, 3 tokens>"


def test_a_picture_of_very_many_tokens_stays_small():
    view = waterfall()
    lane = view.lane("many")
    for _ in range(20_000):
        lane.token("some text ")
    lane.end()
    view.stop()
    assert len(view.snapshot()._repr_mimebundle_()["image/svg+xml"]) < 30_000

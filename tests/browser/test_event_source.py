"""EventSource in a real browser: what Chromium does with a stream that ends, breaks or is refused.

Rule: order is proved by who waits for whom, not by a clock.
"""

import asyncio
import threading

import pytest
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from course_lib.apps import resume
from course_lib.apps.live import HangUp, LiveStream
from course_lib.model import ScriptedModel
from course_lib.wire.sse import ServerSentEvent, encode_event
from tests.browser.tabs import Feeds, quickly, stream

FAST = ScriptedModel(pace=0)


def test_after_a_cut_it_reconnects_with_the_id_of_the_last_event(tab):
    read = {1: threading.Event(), 2: threading.Event()}  # what a page has not read may be lost when its stream breaks

    def counting(visit):
        events = [ServerSentEvent("tick", str(n), f"☕-é-{n}", 10) for n in range(3 * visit - 2, 3 * visit + 1)]
        return stream(*events, *([read[visit], HangUp(reset=visit == 2)] if visit in read else [None]))

    feeds = Feeds(count=counting)
    here = tab(feeds.app)
    here.run("listen('count', '/count', 'tick')")
    for visit in (1, 2, 3):
        here.wait(f"seen.count.some(([type, data]) => data === '{3 * visit}')")
        if visit in read:
            read[visit].set()
    assert [entry for entry in here.seen("count") if entry[0] == "tick"] == [
        ["tick", str(n), f"☕-é-{n}"] for n in range(1, 10)
    ]
    visit = ["open", "tick", "tick", "tick", "error"]
    assert [kind for kind, _, _ in here.seen("count")] == [*visit, *visit, *visit[:4]]
    assert feeds.ids["count"] == ["", "☕-é-3", "☕-é-6"], "as UTF-8, not as Latin-1"


@pytest.mark.parametrize("fault", ["cut@5*3", "reset@1*3", "truncate@7*2", "cut@0*2, reset@9*4", "cut@40*1"])
def test_a_resumed_answer_comes_whole_whatever_happens_to_its_readers(tab, fault):
    here = tab(resume.create_app(FAST, fault, retry=10))
    started = "fetch('/generate', {method: 'POST', body: '{\"prompt\": \"?\"}'}).then(answer => answer.json())"
    here.run(f"{started}.then(({{id}}) => listen('answer', `/generate/${{id}}`, 'done'))")
    here.wait("sources.answer.readyState === EventSource.CLOSED")  # by the 204 that follows `done`
    came = [(kind, data) for kind, data, _ in here.seen("answer") if kind in ("message", "done")]
    assert [data for kind, data in came if kind == "message"] == FAST.tokens(), "nothing lost, nothing doubled"
    assert came[-1][0] == "done"
    assert [kind for kind, _ in came].count("done") == 1


def test_retry_sets_the_pause_and_without_it_chromium_takes_longer(tab):
    feeds = Feeds(quick=quickly, usual=lambda visit: stream("x"))
    here = tab(feeds.app)
    here.run("listen('usual', '/usual')")
    here.wait("seen.usual.some(([type]) => type === 'error')")
    here.run("listen('quick', '/quick')")
    here.wait_server(lambda: feeds.visits["usual"] == 2)
    assert feeds.visits["quick"] > 2


def test_a_source_that_is_never_closed_asks_again_after_a_clean_end(tab):
    feeds = Feeds(answer=lambda visit: stream(ServerSentEvent(data="the answer", retry=10), "[DONE]"))
    here = tab(feeds.app)
    here.run("listen('answer', '/answer')")
    here.wait("seen.answer.filter(([type]) => type === 'error').length >= 3")
    here.run("sources.answer.close()")
    whole = [["open", None, None], ["message", "the answer", ""], ["message", "[DONE]", ""], ["error", None, None]]
    assert here.seen("answer")[:12] == whole * 3, "the answer comes again and again: [DONE] means nothing to it"
    assert set(feeds.ids["answer"]) == {""}


@pytest.mark.parametrize(
    "final",
    [
        Response(status_code=204),
        Response(status_code=404, media_type="text/event-stream"),
        Response(status_code=503, headers={"retry-after": "0"}, media_type="text/event-stream"),
        PlainTextResponse("data: x\n\n"),
        HTMLResponse("<p>Please sign in</p>"),
    ],
    ids=["204", "404", "503", "text/plain", "text/html"],
)
def test_some_answers_are_final(tab, final):
    feeds = Feeds(ended=lambda visit: quickly(visit) if visit == 1 else final, other=quickly)
    here = tab(feeds.app)
    here.run("listen('ended', '/ended')")
    here.wait("sources.ended.readyState === EventSource.CLOSED")
    assert [kind for kind, _, _ in here.seen("ended")] == ["open", "message", "error", "error"]
    here.run("listen('other', '/other')")
    here.wait_server(lambda: feeds.visits["other"] >= 5)
    assert feeds.visits["ended"] == 2, "it does not ask again, while another one has asked five times"


@pytest.mark.parametrize(
    ("charset", "kinds"),
    [("utf-8", ["open", "message"]), ("UTF8", ["error"]), ("latin-1", ["error"])],
)
def test_a_charset_is_tolerated_when_it_is_utf_8(tab, charset, kinds):
    """The standard lets no charset change anything; Chromium refuses all but one, so a server sends none."""

    async def body():
        yield encode_event("☕")
        await asyncio.sleep(3600)

    kind = f"text/event-stream; charset={charset}"
    here = tab(Feeds(coffee=lambda visit: LiveStream(body(), headers={"content-type": kind})).app)
    here.run("listen('coffee', '/coffee')")
    here.wait(f"seen.coffee.length === {len(kinds)}")
    assert [kind for kind, _, _ in here.seen("coffee")] == kinds
    assert (here.run("sources.coffee.readyState") == 2) == ("error" in kinds), "refused for good"


def test_a_redirect_is_followed_and_the_old_address_not_asked_again(tab):
    feeds = Feeds(old=lambda visit: RedirectResponse("/new"), new=quickly)
    here = tab(feeds.app)
    here.run("listen('old', '/old')")
    here.wait_server(lambda: feeds.visits["new"] >= 2)
    assert feeds.visits["old"] == 1


@pytest.mark.parametrize(
    "data",
    ["", " ", "a\nb", "\n", "a\n", "a\u2028b\u2029c\x85d\x0be", "\0", "event: x", ": y", "👍🏽", "\ufeff"],
    ids=repr,
)
def test_any_data_arrives_as_it_was_sent(tab, data):
    here = tab(Feeds(data=lambda visit: stream(ServerSentEvent(data=data), None)).app)
    here.run("listen('data', '/data')")
    here.wait("seen.data.length === 2")
    assert here.seen("data")[1] == ["message", data, ""]


def test_cr_and_crlf_in_data_arrive_as_lf(tab):
    here = tab(Feeds(data=lambda visit: stream("a\r\nb\rc", None)).app)
    here.run("listen('data', '/data')")
    here.wait("seen.data.length === 2")
    assert here.seen("data")[1][1] == "a\nb\nc"


def test_of_seven_sources_over_http_1_1_the_last_waits_for_a_place(tab):
    feeds = Feeds(source=lambda visit: stream("hello", None), ping=lambda visit: PlainTextResponse("pong"))
    here = tab(feeds.app)
    here.run("for (let n = 1; n <= 7; n++) listen(n, `/source${n}`)")
    here.wait("Object.values(seen).filter(events => events.length === 2).length === 6")
    # The browser and the server are well: by another name, which has connections of its own, an answer comes at once.
    here.run(f"fetch('http://localhost:{here.server.port}/ping', {{mode: 'no-cors'}}).then(() => null)")
    here.wait_server(lambda: feeds.visits["ping"] == 1)
    waiting, *more = (n for n in range(1, 8) if not feeds.visits[f"source{n}"])  # the server does not even know of it
    assert (more, here.server.stats["streams"]) == ([], 6)
    assert (here.run(f"sources[{waiting}].readyState"), here.seen(waiting)) == (0, []), "connecting, and no error"
    here.run(f"sources[{1 + waiting % 7}].close()")
    here.wait(f"seen[{waiting}].length === 2")

"""fetch in a real browser: tokens one by one, characters in pieces, and what leaving and breaking look like.

Rule: the server lets the next piece go when the page has shown the one before.
"""

import json

import pytest

from course_lib import chaos
from course_lib.apps import openai_api
from course_lib.apps.live import LiveStream
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from tests.browser.tabs import Feeds, Gate
from tests.streams.peers import eventually

FAST = ScriptedModel(pace=0)


def test_fetch_gives_each_token_while_the_server_holds_the_next_back(tab):
    gate = Gate(openai_api.create_app(FAST))
    here = tab(gate)
    here.run("ask('chat', '/v1/chat/completions')")
    for number in range(1, 1 + len(FAST.tokens()) + 1):  # the role, and the tokens
        gate.permits.release()
        here.wait(f"seen.chat.length === {number}")
    gate.permits.release(10)
    here.wait("seen.chat.at(-1)[0] === 'end'")
    events = [event.removeprefix("data: ") for event in here.run("text('chat')").removesuffix("end").split("\n\n")]
    said = [json.loads(event)["choices"][0]["delta"].get("content", "") for event in events if event.startswith("{")]
    assert "".join(said) == DEFAULT_TEXT


@pytest.mark.parametrize("leaving", ["sources.chat.abort()", "location.assign('about:blank')", "close the tab"])
@pytest.mark.parametrize("model", [(FAST, "stall@1:1000s"), (ScriptedModel("ha " * 20000, pace=0.001), None)])
def test_a_reader_that_goes_stops_the_generation(tab, model, leaving):
    here = tab(openai_api.create_app(*model))
    here.run("ask('chat', '/v1/chat/completions')")
    here.wait("text('chat').includes('content')")
    assert here.server.stats["generations"] == 1
    if leaving == "close the tab":
        here.page.close()
    else:
        here.run(f"{{ {leaving} }}")
    assert eventually(lambda: here.server.stats["generations"] == 0)
    if "abort" in leaving:
        here.wait("seen.chat.at(-1)[0] === 'failed'")
        assert here.seen("chat")[-1] == ["failed", "AbortError"]


def test_a_character_that_is_cut_in_two_needs_one_decoder_for_all_chunks(tab):
    gate = Gate(Feeds(halves=lambda visit: LiveStream(halves())).app)

    async def halves():
        for piece in (b"caf\xc3", b"\xa9 \xf0\x9f", b"\x91\x8d"):
            yield piece

    here = tab(gate)
    here.run("read('halves', '/halves')")
    for number in range(1, 4):
        gate.permits.release()
        here.wait(f"seen.halves.length >= {number}")
    here.wait("seen.halves.at(-1)[0] === 'end'")
    together, apart = zip(*here.seen("halves")[:3], strict=True)
    assert together == ("caf", "é ", "👍")
    assert apart == ("caf\ufffd", "\ufffd \ufffd", "\ufffd\ufffd")


def test_text_comes_whole_through_a_hop_that_splits_every_byte(tab):
    here = tab(openai_api.create_app(FAST), hop=lambda url: chaos(url, "split:1"))
    here.run("ask('chat', '/v1/chat/completions')")
    here.wait("seen.chat.at(-1)?.[0] === 'end'")
    whole = here.run("text('chat')")
    assert ("☕" in whole, "👍" in whole, "\ufffd" in whole) == (True, True, False)
    assert whole.endswith("data: [DONE]\n\nend")


@pytest.mark.parametrize(
    ("fault", "last"),
    [("cut@3", ["failed", "TypeError"]), ("reset@3", ["failed", "TypeError"]), ("truncate@3", ["end", 200])],
)
def test_fetch_tells_a_cut_from_an_end_but_not_whether_the_answer_was_complete(tab, fault, last):
    here = tab(openai_api.create_app(FAST, fault))
    here.run("ask('chat', '/v1/chat/completions')")
    here.wait("['failed', 'end'].includes(seen.chat.at(-1)?.[0])")
    assert here.seen("chat")[-1] == last
    assert "[DONE]" not in here.run("text('chat')")

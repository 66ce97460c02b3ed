"""docs/faults.md is true: what the real clients do under each fault, run again and compared row by row.

`python -m tests.streams.test_fault_table` writes the tables anew. Rule: every row is a live run, and nothing in it
depends on how fast the machine is. Clients that agree share a row. Retries are those of the clients; the server asks
for them after a millisecond, so that nobody sleeps for long.
"""

import asyncio
import re
import socket
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import httpx
import httpx2
import openai
import pytest

from course_lib.apps import anthropic_api, openai_api
from course_lib.apps.request import RETRY_AFTER
from course_lib.endings import EndingReader
from course_lib.hops import chaos
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
MODEL = ScriptedModel("A reader in a café starts at once. 👍", pace=0)
BEGINNINGS = {"".join(MODEL.tokens()[:count]): f"{count} tokens" for count in range(len(MODEL.tokens()))}
TEXTS = {**BEGINNINGS, "": "none", MODEL.text: "all"}
TITLES = ("streamed", "in one piece")
ASK = {"model": "m", "messages": [{"role": "user", "content": "why?"}]}


FINE = ("stop", "completed", "end_turn")
ENDS = {None: "normal end, but no reason for it", **dict.fromkeys(FINE, "normal end")}


class Case(NamedTuple):
    """A fault. silent: tokens come, and then nothing for longer than a client waits; in_hop: played by a hop."""

    fault: str
    silent: bool = False
    ping: float | None = None
    in_hop: bool = False

    def __str__(self):
        shown = self.fault.partition(":{}")[0]
        return f"`{shown}`{', pings in between' if self.ping else ''}{' (hop)' if self.in_hop else ''}"

    def read_timeout(self, how, patience):
        """Seconds: short where nothing comes anyway, else as long as even a busy machine may take."""
        if not self.silent and not self.fault.startswith("slow_start"):
            return 30
        return patience if self.silent and how != "whole" else 0.2


CASES = [
    *map(Case, ("status@0:401", "status@0:429", "status@0:500", "status@0:529", "error@0", "error@5")),
    *map(Case, ("cut@0", "cut@5", "reset@0", "reset@5", "truncate@0", "truncate@5", "garble@5", "slow_start:30s")),
    Case("stall@5:30s", silent=True),
    Case("stall@5:{}ms", silent=True, ping=0.05),  # half as long again as the client waits
    *(Case(fault, in_hop=True) for fault in ("split:1", "merge:100ms", "stall@600:100ms", "drop@20", "drop@400")),
    Case("drop@1500", in_hop=True),
]
PATIENCE = (1, 4, 16)  # seconds; on a machine that is too busy for the first, the others are tried


# what one event adds: (text, reason for the end)


def of_chat(event):
    chunk = getattr(event, "chunk", event)  # the helper wraps it, and has events of its own beside it
    choice = next(iter(getattr(chunk, "choices", ())), None)
    return (choice.delta.content or "", choice.finish_reason) if choice else ("", None)


def of_response(event):
    text = event.delta if event.type == "response.output_text.delta" else ""
    over = event.type in ("response.completed", "response.incomplete", "response.failed")
    return text, event.response.status if over else None


def of_message(event):
    text = event.delta.text if event.type == "content_block_delta" else ""
    return text, event.delta.stop_reason if event.type == "message_delta" else None


class Api(NamedTuple):
    """An API and its official clients. resource: what has `create` and `stream`; final: the helper's last word."""

    app: Any
    base: str
    path: str
    clients: tuple
    resource: str
    asked: dict
    of_event: Any
    final: str
    of_whole: Any
    vocabulary: str


TRUSTED = ssl.create_default_context()  # one for all: each client would spend 20 ms on its own
OPENAI = (openai.OpenAI, openai.DefaultHttpxClient), (openai.AsyncOpenAI, openai.DefaultAsyncHttpxClient)
ANTHROPIC = (
    (anthropic.Anthropic, anthropic.DefaultHttpxClient),
    (anthropic.AsyncAnthropic, anthropic.DefaultAsyncHttpxClient),
)
APIS = {
    "openai chat": Api(
        openai_api, "/v1", "/chat/completions", OPENAI, "chat.completions", ASK, of_chat, "get_final_completion",
        lambda answer: (answer.choices[0].message.content, answer.choices[0].finish_reason), "openai_chat",
    ),
    "openai responses": Api(
        openai_api, "/v1", "/responses", OPENAI, "responses", {"model": "m", "input": "why?"}, of_response,
        "get_final_response", lambda answer: (answer.output_text, answer.status), "openai_responses",
    ),
    "anthropic": Api(
        anthropic_api, "", "/v1/messages", ANTHROPIC, "messages", {**ASK, "max_tokens": 99}, of_message,
        "get_final_message", lambda answer: (answer.content[0].text, answer.stop_reason), "anthropic",
    ),
}  # fmt: skip
WAYS = [(how, kind) for how in ("create", "stream()") for kind in ("sync", "async")]


def ask(api, client, how, seen):
    """Fill `seen` with what came; raises what the client raises."""
    resource = attrgetter(api.resource)(client)
    if how == "whole":
        seen.append(api.of_whole(resource.create(**api.asked)))
    elif how == "create":
        seen.extend(map(api.of_event, resource.create(**api.asked, stream=True)))
    else:
        with resource.stream(**api.asked) as stream:
            seen.extend(map(api.of_event, stream))
            getattr(stream, api.final)()


async def ask_async(api, client, how, seen):
    resource = attrgetter(api.resource)(client)
    if how == "whole":
        seen.append(api.of_whole(await resource.create(**api.asked)))
    elif how == "create":
        async for event in await resource.create(**api.asked, stream=True):
            seen.append(api.of_event(event))
    else:
        async with resource.stream(**api.asked) as stream:
            async for event in stream:
                seen.append(api.of_event(event))
            await getattr(stream, api.final)()


def call(case, patience, url, requests, name, how, kind):
    """(text, what the client reports, requests that the server has got) of one call."""
    api, run, seen, error = APIS[name], f"{name} {how} {kind}", [], None
    client_class, http_class = api.clients[kind == "async"]
    options = {"base_url": url + api.base, "api_key": "none", "default_headers": {"x-run": run}}
    options["timeout"] = httpx2.Timeout(30, read=case.read_timeout(how, patience))

    async def in_a_loop():
        async with client_class(**options, http_client=http_class(verify=TRUSTED)) as client:
            await ask_async(api, client, how, seen)

    try:
        if kind == "async":
            asyncio.run(in_a_loop())
        else:
            with client_class(**options, http_client=http_class(verify=TRUSTED)) as client:
                ask(api, client, how, seen)
    except Exception as caught:
        error = caught
    text = TEXTS["".join(text for text, _ in seen)]
    if case.in_hop and text.endswith("tokens"):
        text = "a part"  # how many tokens fit into so many bytes is a matter of their JSON
    reason = next((reason for _, reason in reversed(seen) if reason), None)
    return text, said(error) if error else ENDS.get(reason, f"normal end, status `{reason}`"), requests[run]


def said(error):
    """The class of an error, its HTTP status, and what the client's own errors were made from."""
    status, cause = getattr(error, "status_code", None), error.__cause__
    made_from = f" from `{named(cause)}`" if cause is not None and named(error) == type(error).__name__ else ""
    return f"`{named(error)}`{f', status {status}' if status else ''}{made_from}"


def named(error):
    module = type(error).__module__.partition(".")[0]
    return type(error).__name__ if module in ("openai", "anthropic", "builtins") else f"{module}.{type(error).__name__}"


def ending(case, patience, url, name):
    """What course_lib.endings says of the bytes, read without any of the clients."""
    api, decoder, begun, broken = APIS[name], SSEDecoder(), False, None
    reader, timeout = EndingReader(api.vocabulary), httpx.Timeout(30, read=case.read_timeout("create", patience))
    asked = {"json": {**api.asked, "stream": True}, "timeout": timeout, "verify": TRUSTED}
    try:
        with httpx.stream("POST", url + api.base + api.path, **asked) as answer:
            begun = answer.is_success
            for data in answer.iter_bytes():
                for event in decoder.feed(data):
                    reader.feed(event)
    except httpx.TransportError as error:
        broken = type(error).__name__
    return reader.close(broken) if begun else "no stream"


class Counting:
    """Counts requests by their `x-run` header, and asks for retries without delay."""

    def __init__(self, app):
        self.app, self.requests = app, Counter()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.requests[dict(scope["headers"]).get(b"x-run", b"").decode()] += 1

        async def hurry(message):
            if message["type"] == "http.response.start" and message["status"] >= 400:
                message["headers"] = [*message["headers"], (b"retry-after-ms", b"1")]
            await send(message)

        await self.app(scope, receive, hurry)


def measure(case, patience):
    """{(name, how, kind): outcome} of all clients, and {name: ending}; nothing runs on when they are done."""
    fault, calls, endings = case.fault.format(1500 * patience), {}, {}
    with ExitStack() as stack, ThreadPoolExecutor(24) as pool:
        for app in (openai_api, anthropic_api):
            counting = Counting(app.create_app(MODEL, None if case.in_hop else fault, ping=case.ping))
            server = stack.enter_context(serve(counting))
            url = stack.enter_context(chaos(server.url, fault)).url if case.in_hop else server.url
            stack.callback(gone, server)
            for name in (name for name, api in APIS.items() if api.app is app):
                endings[name] = pool.submit(ending, case, patience, url, name)
                for way in [*WAYS, ("whole", "sync"), ("whole", "async")]:
                    calls[name, *way] = pool.submit(call, case, patience, url, counting.requests, name, *way)
        return {key: job.result() for key, job in calls.items()}, {key: job.result() for key, job in endings.items()}


def gone(server):
    """The server counts in its own thread: give it five seconds to see that everybody has left."""
    left = any(server.stats["generations"] == 0 or threading.Event().wait(0.01) for _ in range(500))
    assert left, "a generation goes on for nobody"


# tables


def tables(case, patience):
    """{"streamed": rows, "in one piece": rows} of a case."""
    calls, endings = measure(case, patience)
    streamed, whole = {}, {}
    for (name, how, kind), outcome in calls.items():
        if how == "whole":
            whole.setdefault(outcome, []).append((name, how, kind))
        else:
            streamed.setdefault((*outcome, endings[name]), []).append((name, how, kind))
    return {
        title: [f"| {' | '.join([str(case), who(keys), *map(str, outcome)])} |" for outcome, keys in groups.items()]
        for title, groups in zip(TITLES, (streamed, whole), strict=True)
    }


def who(keys):
    """The clients of a row, as short as it goes."""
    told = []
    for name in APIS:
        mine = [(how, kind) for other, how, kind in keys if other == name]
        if set(mine) >= set(WAYS) or ({how for how, _ in mine} == {"whole"} and len(mine) == 2):
            told.append(name)
            continue
        for how in dict.fromkeys(how for how, _ in mine):
            kinds = [kind for other, kind in mine if other == how]
            told.append(f"{name}, `{how}`{'' if len(kinds) == 2 else f' ({kinds[0]})'}")
    return "all" if told == list(APIS) else "; ".join(told)


def section(title):
    """A pattern for the rows of a table in the page."""
    return re.compile(rf"(<!-- {title}: .*-->\n\|.*\n\|[-|]+\n)((?:\|.*\n)*)")


def rows_of(title):
    return section(title).search(PAGE.read_text("utf-8"))[2].splitlines()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_page_tells_what_the_clients_do(case):
    written = {title: [row for row in rows_of(title) if row.startswith(f"| {case} |")] for title in TITLES}
    for patience in PATIENCE if case.silent else PATIENCE[:1]:
        live = tables(case, patience)
        if live == written:
            break
    assert live == written, "run python -m tests.streams.test_fault_table"


@pytest.mark.parametrize("title", TITLES)
def test_the_page_has_every_fault_once_and_in_order(title):
    rows = rows_of(title)
    assert list(dict.fromkeys(row.split(" | ")[0][2:] for row in rows)) == [str(case) for case in CASES]
    assert not [row for row in rows if "sync)" in row], "the page says that sync and async agree"


@pytest.mark.parametrize(("leaves_unread", "error"), [(0, httpx2.RemoteProtocolError), (1, httpx2.ReadError)])
def test_a_server_that_closes_before_it_has_read_everything_resets(leaves_unread, error):
    """FIN or RST decides between the two errors of a connection that ends too early."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve_one():
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                while not (seen := connection.recv(65536, socket.MSG_PEEK)).endswith(b"the end"):
                    assert seen, "the client has left"
                connection.recv(len(seen) - leaves_unread)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")

        served = pool.submit(serve_one)
        with pytest.raises(error):
            httpx2.post(f"http://127.0.0.1:{listener.getsockname()[1]}", content=b"the end", timeout=30)
        served.result()


@pytest.mark.parametrize(("name", "slept"), [("openai chat", []), ("anthropic", [121, 121])])
def test_a_retry_after_more_than_two_minutes_is_obeyed_by_one_and_a_reason_to_give_up_for_the_other(
    name, slept, monkeypatch
):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)  # of the clients; servers and tests do not sleep like that
    monkeypatch.setitem(RETRY_AFTER, 429, "121")
    api, (client_class, http_class) = APIS[name], APIS[name].clients[0]
    with serve(api.app.create_app(MODEL, "status@0:429")) as server:
        options = {"base_url": server.url + api.base, "api_key": "none", "http_client": http_class(verify=TRUSTED)}
        with client_class(**options) as client, pytest.raises((openai.RateLimitError, anthropic.RateLimitError)):
            ask(api, client, "create", [])
    assert waits == slept


def main():
    text, all_rows = PAGE.read_text("utf-8"), [tables(case, PATIENCE[1]) for case in CASES]
    for title in TITLES:
        rows = "".join(f"{row}\n" for found in all_rows for row in found[title])
        text = section(title).sub(partial(lambda rows, found: found[1] + rows, rows), text)
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

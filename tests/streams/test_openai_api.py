"""Chat Completions, from Python (two HTTP implementations) and from Express under Node: the same answers, errors and
faults, read by the real client, by curl and by a raw socket.
"""

import asyncio
import json
import shutil
import subprocess
from typing import Literal

import httpx
import openai
import pytest
from pydantic import BaseModel

from course_lib.apps import anthropic_api, create, openai_api
from course_lib.errors import MisuseError
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.server.express import serve_express
from course_lib.wire.sse import SSEDecoder
from tests.streams.peers import eventually

FAST = ScriptedModel(pace=0)
ASK = {"model": "m", "messages": [{"role": "user", "content": "why?"}]}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
        },
    }
    for name in ("weather", "forecast")
]


every_server = pytest.mark.parametrize("api", ["h11", "httptools", "express"], indirect=True)


@pytest.fixture(params=["h11", "express"])
def api(request):
    """`api(**options)` starts a server and gives (official client, server)."""
    servers, clients = [], []

    def start(model=FAST, **options):
        if request.param == "express":
            servers.append(serve_express(model, **options))
        else:
            servers.append(serve(openai_api.create_app(model, **options), http=request.param))
        clients.append(openai.OpenAI(base_url=f"{servers[-1].url}/v1", api_key="none", max_retries=0, timeout=10))
        return clients[-1], servers[-1]

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.stop()


def ask_raw(dial, server, **asked):
    body = json.dumps({**ASK, "stream": True, **asked}).encode()
    raw = dial(server.url)
    raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")
    raw.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    return raw


def raw_answer(dial, read_all, server, **asked):
    return read_all(ask_raw(dial, server, **asked))


def payloads(data):
    """The JSON of the events in the raw bytes of a chunked answer whose chunks are whole events."""
    texts = [line[6:] for line in data.splitlines() if line.startswith(b"data: {")]
    return [json.loads(text) for text in texts if text.endswith(b"}")]


def contents(data):
    """Its deltas of content; the one that ends has none."""
    choices = [payload["choices"] for payload in payloads(data) if "choices" in payload]
    return [choice[0]["delta"].get("content") for choice in choices if choice]


@every_server
def test_the_real_client_reads_an_answer_in_one_piece(api):
    client, _ = api()
    answer = client.chat.completions.create(**ASK)
    assert answer.choices[0].message.content == DEFAULT_TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == len(FAST.tokens())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@every_server
def test_the_real_client_reads_a_stream(api):
    client, _ = api()
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.content for chunk in chunks[1:-1]] == FAST.tokens()
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == len({chunk.created for chunk in chunks}) == 1


def test_the_real_asynchronous_client_reads_both(api):
    _, server = api()

    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            whole = await client.chat.completions.create(**ASK)
            stream = await client.chat.completions.create(**ASK, stream=True)
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content, "".join(parts), whole.id

    whole, streamed, name = asyncio.run(ask())
    assert whole == streamed == DEFAULT_TEXT
    assert name.startswith("chatcmpl-")


def test_usage_comes_last_and_only_when_asked_for(api):
    client, _ = api()
    chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    assert [chunk.choices == [] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage.completion_tokens == len(FAST.tokens())
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_limit_of_tokens_is_honoured_and_named(api, name, stream):
    client, _ = api()
    answer = client.chat.completions.create(**ASK, stream=stream, **{name: 3})
    if stream:
        chunks = list(answer)
        text, reason = "".join(c.choices[0].delta.content or "" for c in chunks), chunks[-1].choices[0].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == ("".join(FAST.tokens(3)), "length")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "forecast"}}])
def test_a_required_tool_is_called_with_arguments_that_fit(api, choice):
    client, _ = api()
    asked = {**ASK, "tools": TOOLS, "tool_choice": choice}
    whole = client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion().choices[0]
    expected = "weather" if choice == "required" else "forecast"
    for answer in (whole, streamed):
        call = answer.message.tool_calls[0]
        assert (answer.finish_reason, call.function.name) == ("tool_calls", expected)
        assert json.loads(call.function.arguments) == {"city": "Zürich", "days": 7}


def test_the_real_client_makes_a_model_of_pydantic_from_the_arguments(api):
    class Place(BaseModel):
        city: str
        kind: Literal["town"]

    class Weather(BaseModel):
        places: list[Place]
        days: int | None

    client, _ = api()
    tools = [openai.pydantic_function_tool(Weather)]
    message = client.chat.completions.parse(**ASK, tools=tools, tool_choice="required").choices[0].message
    expected = Weather(places=[Place(city="Zürich", kind="town")], days=7)
    assert message.tool_calls[0].function.parsed_arguments == expected


@pytest.mark.parametrize("most", [2**53, 2**70])
def test_a_limit_beyond_all_measure_is_none(api, most):
    client, _ = api()
    assert client.chat.completions.create(**ASK, max_tokens=most).choices[0].message.content == DEFAULT_TEXT


def test_a_limit_cuts_the_arguments_of_a_call_off_too(api):
    client, _ = api()
    answer = client.chat.completions.create(**ASK, tools=TOOLS, tool_choice="required", max_tokens=2).choices[0]
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.message.tool_calls[0].function.arguments)
    assert answer.finish_reason == "length"


def test_an_answer_without_tokens_begins_and_ends(api):
    client, _ = api(ScriptedModel(""))
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert [(c.choices[0].delta.role, c.choices[0].finish_reason) for c in chunks] == [
        ("assistant", None),
        (None, "stop"),
    ]


def test_tools_that_need_not_be_called_are_not(api):
    client, _ = api()
    assert client.chat.completions.create(**ASK, tools=TOOLS).choices[0].message.content == DEFAULT_TEXT


def test_the_models_are_listed(api):
    client, _ = api()
    assert [model.id for model in client.models.list()] == ["scripted"]
    assert client.models.retrieve("scripted").object == "model"
    with pytest.raises(openai.NotFoundError, match=r"The model 'gpt' does not exist\.$"):
        client.models.retrieve("gpt")


WRONG = [
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages[0]"),
    ({"messages": [*ASK["messages"], {"content": "hi"}]}, "messages[1]"),
    ({"model": 5}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"max_completion_tokens": "9"}, "max_completion_tokens"),
    ({"n": 2}, "n"),
    ({"n": True}, "n"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": []}, "stream_options"),
    ({"stream": True, "stream_options": {"include_usage": 1}}, "include_usage"),
    ({"tools": "weather"}, "tools"),
    ({"tools": ""}, "tools"),
    ({"tools": {}}, "tools"),
    ({"tools": [5]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": TOOLS, "tool_choice": "must"}, "tool_choice"),
    ({"tools": TOOLS, "tool_choice": {"function": {"name": "x"}}}, "tool_choice"),
    ({"tools": TOOLS, "tool_choice": {"function": "weather"}}, "tool_choice"),
    ({"tools": [{"function": {"name": "f", "parameters": 5}}], "tool_choice": "required"}, "tools"),
    *(
        ({"tools": [{"function": {"name": "f", "parameters": wrong}}], "tool_choice": "required"}, "tools")
        for wrong in ({"properties": [1]}, {"$ref": "#"}, {"$ref": "#/nowhere"}, {"$ref": 5})
    ),
]


def test_a_wrong_request_is_an_error_that_names_the_field(api):
    _, server = api()
    with httpx.Client(base_url=server.url) as client:
        for asked, param in WRONG:
            answer = client.post("/v1/chat/completions", json={**ASK, **asked})
            assert answer.status_code == 400, asked
            error = answer.json()["error"]
            assert set(error) == {"message", "type", "param", "code"}
            assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert eventually(lambda: not server.stats["generations"])
    assert server.last_error is None


def test_a_body_that_is_no_json_object_is_an_error(api):
    _, server = api()
    with httpx.Client(base_url=server.url) as client:
        nan, utf_16 = b'{"messages": [{"role": "user", "content": NaN}]}', json.dumps(ASK).encode("utf-16")
        for body in (b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000, nan, utf_16):
            answer = client.post("/v1/chat/completions", content=body)
            assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), body[:9]


def test_half_of_a_surrogate_pair_is_no_reason_to_fail_in_mid_stream():
    with serve(openai_api.create_app(FAST)) as server:
        body = b'{"model": "\\ud83d", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
        answer = httpx.post(f"{server.url}/v1/chat/completions", content=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
        assert server.last_error is None


def test_a_body_that_is_too_large_is_refused(api):
    _, server = api()
    answer = httpx.post(f"{server.url}/v1/chat/completions", content=b" " * 4_000_001)
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "invalid_request_error")


def test_wrong_paths_and_methods_have_the_same_shape(api):
    _, server = api()
    with httpx.Client(base_url=server.url) as client:
        for method, path, status, allowed in [
            ("GET", "/v1/chat/completions", 405, "POST"),
            ("POST", "/v1/models", 405, "GET"),
            ("DELETE", "/v1/models/scripted", 405, "GET"),
            ("GET", "/v2", 404, ""),
            ("POST", "/", 404, ""),
        ]:
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")
            assert allowed in answer.headers.get("allow", "")


def test_a_foreign_name_is_refused_and_a_local_one_is_not(api):
    _, server = api()
    with httpx.Client(base_url=server.url) as client:
        foreign = client.get("/v1/models", headers={"host": "evil.example"})
        assert (foreign.status_code, "evil.example" in foreign.text) == (421, True)
        for host in ("localhost", "LOCALHOST:1", "[::1]:80", "127.0.0.1"):
            assert client.get("/v1/models", headers={"host": host}).status_code == 200


def test_a_client_of_http_1_0_need_not_name_us(api, dial, read_all):
    _, server = api()
    raw = dial(server.url)
    raw.sendall(b"GET /v1/models HTTP/1.0\r\n\r\n")
    assert read_all(raw)[0].split()[1] == b"200"


def test_the_live_counts_can_be_read_from_outside(api):
    _, server = api()
    assert httpx.get(f"{server.url}/-/stats").json() == {"connections": 1, "streams": 0, "generations": 0}


# faults


@every_server
@pytest.mark.parametrize(("fault", "ending"), [("cut@5", "FIN"), ("reset@5", "RST"), ("truncate@5", "FIN")])
def test_the_connection_ends_after_that_many_tokens(api, dial, read_all, fault, ending):
    _, server = api(faults=fault)
    data, seen = raw_answer(dial, read_all, server)
    assert contents(data) == ["", *FAST.tokens(5)]
    assert (b"[DONE]" in data, seen) == (False, ending)
    assert data.endswith(b"0\r\n\r\n") == (fault == "truncate@5"), "only truncate ends properly"
    assert server.last_error is None, "what was asked for is no error"


@every_server
@pytest.mark.parametrize("fault", ["cut@0", "reset@0", "truncate@0"])
def test_a_fault_at_zero_comes_after_the_head(api, dial, read_all, fault):
    _, server = api(faults=fault)
    data, _ = raw_answer(dial, read_all, server)
    assert data.startswith(b"HTTP/1.1 200")
    assert b"data:" not in data


def test_a_fault_after_the_last_token_comes_before_the_finish(api, dial, read_all):
    _, server = api(faults=f"cut@{len(FAST.tokens())}")
    data, _ = raw_answer(dial, read_all, server)
    assert contents(data)[1:] == FAST.tokens()
    assert [payload["choices"][0]["finish_reason"] for payload in payloads(data)] == [None] * (len(FAST.tokens()) + 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status@0:429", openai.RateLimitError),
        ("status@0:503", openai.InternalServerError),
        ("status@0:401", openai.AuthenticationError),
        ("cut@5", openai.APIConnectionError),
        ("reset@5", openai.APIConnectionError),
        ("error@4", openai.APIError),
        ("error@0", openai.InternalServerError),
        ("garble@2", json.JSONDecodeError),
    ],
)
def test_the_real_client_sees_each_fault_as_its_own_error(api, fault, error, stream):
    client, _ = api(faults=fault)
    with pytest.raises(error):
        list(client.chat.completions.create(**ASK, stream=stream))


@pytest.mark.parametrize(("status", "wait"), [(429, "1"), (503, "1"), (500, None)])
def test_a_refusal_says_when_to_come_back(api, status, wait):
    _, server = api(faults=f"status@0:{status}")
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, wait)


def test_an_error_in_the_stream_comes_after_its_tokens_and_ends_it_without_done(api):
    _, server = api(faults="error@4")
    body = httpx.post(f"{server.url}/v1/chat/completions", json={**ASK, "stream": True}).content
    payloads = [event.data for event in SSEDecoder().feed(body)]
    assert [json.loads(data)["choices"][0]["delta"]["content"] for data in payloads[1:5]] == FAST.tokens(4)
    assert json.loads(payloads[5])["error"]["type"] == "server_error"
    assert len(payloads) == 6


def test_garble_takes_the_place_of_the_next_token(api):
    _, server = api(faults="garble@2")
    body = httpx.post(f"{server.url}/v1/chat/completions", json={**ASK, "stream": True}).content
    readable = []
    for event in SSEDecoder().feed(body):
        try:
            readable.append(json.loads(event.data)["choices"][0]["delta"].get("content"))
        except json.JSONDecodeError:
            readable.append(event.data if event.data == "[DONE]" else "?")
    tokens = FAST.tokens()
    assert readable == ["", *tokens[:2], "?", *tokens[3:], None, "[DONE]"]


def test_a_stall_and_a_slow_start_lose_nothing(api):
    client, _ = api(faults="slow_start:20ms, stall@3:20ms")
    chunks = client.chat.completions.create(**ASK, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == DEFAULT_TEXT


def test_a_fault_for_the_first_answer_spares_the_second_and_wrong_requests_do_not_count(api):
    client, _ = api(faults="status@0:503*1")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="m", messages=[])
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**ASK)
    assert client.chat.completions.create(**ASK).choices[0].message.content == DEFAULT_TEXT


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"faults": "split:1"}, "chaos"),
        ({"model": "text"}, "ScriptedModel"),
        *(({"ping": ping}, "ping is") for ping in (0, -1, True, "15s", float("nan"))),
    ],
)
@pytest.mark.parametrize("start", [openai_api.create_app, anthropic_api.create_app, serve_express])
def test_what_no_request_could_be_answered_with_is_refused_at_the_start(start, wrong, told):
    with pytest.raises(MisuseError, match=told):
        start(**wrong)


# silence, slow readers, goodbyes


def test_silence_is_filled_with_comments_which_the_real_client_does_not_see(api, dial):
    client, server = api(faults="stall@1:999s*1", ping=0.02)
    raw = ask_raw(dial, server)
    seen = b""
    while seen.count(b": ping\n\n") < 3:
        seen += raw.recv(65536)
    assert seen.index(b": ping") > seen.index(b'"content"')
    chunks = client.chat.completions.create(**ASK, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == DEFAULT_TEXT


def test_a_model_that_is_slow_to_start_fails_inside_the_stream_when_comments_were_sent(api, dial, read_all):
    _, server = api(ScriptedModel("x"), faults="slow_start:200ms, error@0", ping=0.02)
    data, ending = read_all(ask_raw(dial, server))
    assert data.startswith(b"HTTP/1.1 200")
    assert b": ping\n\n" in data
    assert (payloads(data)[-1]["error"]["type"], ending) == ("server_error", "FIN")


def test_the_model_waits_for_a_reader_who_is_slow(api, dial):
    """Another reader gets all of a later answer, while the first, of whose answer all would be made, reads nothing."""
    client, server = api(ScriptedModel(" ".join(["w" * 5000] * 4000), pace=0))  # more than the sockets can hold
    raw = ask_raw(dial, server)
    assert eventually(lambda: server.stats["streams"] == 1)
    chunks = client.chat.completions.create(**ASK, stream=True)
    assert sum(1 for _ in chunks) == 4002
    assert eventually(lambda: server.stats["generations"] == 1)
    raw.close()
    assert eventually(lambda: server.stats["generations"] == 0)


@every_server
def test_open_streams_are_told_when_the_server_stops(api, dial, read_all):
    _, server = api(faults="stall@1:999s")
    raw, waiting = ask_raw(dial, server), ask_raw(dial, server, stream=False)
    assert eventually(lambda: server.stats["generations"] == 2 and server.stats["streams"] == 1)
    server.stop()
    data, ending = read_all(raw)
    assert (payloads(data)[-1]["error"]["type"], ending) == ("server_error", "FIN")
    assert "shutting down" in payloads(data)[-1]["error"]["message"]
    assert b"[DONE]" not in data
    whole, _ = read_all(waiting)
    assert whole.startswith(b"HTTP/1.1 503")
    assert "shutting down" in json.loads(whole.partition(b"\r\n\r\n")[2])["error"]["message"]


# leaving, counting, other clients


@every_server
@pytest.mark.parametrize("stream", [False, True])
def test_a_generation_is_counted_while_it_runs_and_stops_when_the_client_leaves(api, dial, stream):
    _, server = api(model=ScriptedModel(pace=0.01, text="word " * 100_000))
    raw = ask_raw(dial, server, stream=stream)
    assert eventually(lambda: server.stats == {"connections": 1, "streams": int(stream), "generations": 1})
    raw.close()
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


def test_a_token_is_on_its_way_before_the_next_one_is_made(api):
    client, server = api(faults="stall@1:999s")
    chunks = client.chat.completions.create(**ASK, stream=True)
    assert [next(chunks).choices[0].delta.content for _ in range(2)] == ["", FAST.tokens()[0]]
    chunks.close()
    assert eventually(lambda: server.stats["generations"] == 0), "leaving is noticed in the silence, too"


def test_curl_sees_the_events_as_they_are(api):
    curl = shutil.which("curl")
    assert curl, "curl is one of the tools that the course assumes"
    _, server = api()
    ran = subprocess.run(
        [
            curl,
            "-sN",
            "--max-time",
            "10",
            f"{server.url}/v1/chat/completions",
            "-d",
            json.dumps({**ASK, "stream": True}),
        ],
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert [event.data for event in SSEDecoder().feed(ran.stdout)][-1] == "[DONE]"


def test_an_app_can_be_made_by_name():
    with serve(create("openai_api", model=FAST, faults="status@0:418")) as server:
        assert httpx.post(f"{server.url}/v1/chat/completions", json=ASK).status_code == 418
    with pytest.raises(MisuseError, match="chunked, openai_api"):
        create("gopher")

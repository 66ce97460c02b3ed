"""The Anthropic-shaped app, read by the real clients, by curl and by a raw socket, with every fault."""

import asyncio
import contextlib
import json
import shutil
import subprocess

import anthropic
import httpx
import httpx2
import pytest

from course_lib.apps import anthropic_api, create
from course_lib.errors import MisuseError
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams.peers import eventually

FAST = ScriptedModel(pace=0)
TOKENS = FAST.tokens()
ASK = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "why?"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TOOLS = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "forecast")]
CALLED = {"any": "weather", "tool": "forecast"}
http_versions = pytest.mark.parametrize("http", ["h11", "httptools"])


@pytest.fixture
def api():
    """`api(**options)` serves the app and gives (official client, server)."""
    with contextlib.ExitStack() as stack:

        def start(http="h11", model=FAST, **options):
            server = stack.enter_context(serve(anthropic_api.create_app(model, **options), http=http))
            return stack.enter_context(anthropic.Anthropic(**to(server))), server

        yield start


def to(server):
    return {"base_url": server.url, "api_key": "none", "max_retries": 0, "timeout": 10}


def post(server, **asked):
    return httpx.post(f"{server.url}/v1/messages", json={**ASK, **asked}, timeout=10)


def raw_request(**asked):
    body = json.dumps({**ASK, **asked}).encode()
    return b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def texts(data):
    """Text deltas in the raw bytes of a chunked answer whose chunks are whole events."""
    deltas = [line[6:] for line in data.splitlines() if b'"text_delta"' in line]
    return [json.loads(delta)["delta"]["text"] for delta in deltas]


# answers


@http_versions
def test_the_real_client_reads_an_answer_in_one_piece(api, http):
    client, _ = api(http)
    answer = client.messages.create(**ASK)
    assert [(block.type, block.text) for block in answer.content] == [("text", DEFAULT_TEXT)]
    assert (answer.role, answer.type, answer.stop_reason) == ("assistant", "message", "end_turn")
    assert answer.usage.output_tokens == len(TOKENS)
    assert answer.usage.input_tokens > 0
    assert answer._request_id.startswith("req_")


@http_versions
def test_the_real_client_reads_the_events_of_a_stream(api, http):
    client, _ = api(http)
    events = list(client.messages.create(**ASK, stream=True))
    deltas = ["content_block_delta"] * len(TOKENS)
    end = ["content_block_stop", "message_delta", "message_stop"]
    assert [event.type for event in events] == ["message_start", "content_block_start", *deltas, *end]
    assert [event.delta.text for event in events if event.type == "content_block_delta"] == TOKENS
    assert events[0].message.usage.input_tokens > 0
    assert (events[0].message.content, events[0].message.stop_reason) == ([], None)
    assert (events[-2].delta.stop_reason, events[-2].usage.output_tokens) == ("end_turn", len(TOKENS))


def test_the_helper_of_the_real_client_puts_the_message_together(api):
    client, _ = api()
    with client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == DEFAULT_TEXT
        message = stream.get_final_message()
        assert stream.request_id.startswith("req_")
    whole = client.messages.create(**ASK)
    assert (message.stop_reason, message.usage) == (whole.stop_reason, whole.usage)
    assert message.content[0].text == whole.content[0].text


def test_the_real_asynchronous_client_reads_all_three(api):
    _, server = api()

    async def ask():
        async with anthropic.AsyncAnthropic(**to(server)) as client:
            whole = await client.messages.create(**ASK)
            raw = [event async for event in await client.messages.create(**ASK, stream=True)]
            async with client.messages.stream(**ASK) as stream:
                helped = "".join([text async for text in stream.text_stream])
                message = await stream.get_final_message()
            return whole, raw, helped, message

    whole, raw, helped, message = asyncio.run(ask())
    parts = [event.delta.text for event in raw if event.type == "content_block_delta"]
    assert whole.content[0].text == "".join(parts) == helped == message.content[0].text == DEFAULT_TEXT
    assert whole.usage == message.usage
    assert raw[-1].type == "message_stop"


@pytest.mark.parametrize("stream", [False, True])
def test_a_limit_of_tokens_is_honoured_and_named(api, stream):
    client, _ = api()
    asked = {**ASK, "max_tokens": 3}
    if stream:
        with client.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**asked)
    assert (answer.content[0].text, answer.stop_reason) == ("".join(TOKENS[:3]), "max_tokens")
    assert answer.usage.output_tokens == 3


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "forecast"}])
def test_a_tool_that_must_be_called_is_called_with_input_that_fits(api, choice):
    client, _ = api()
    asked = {**ASK, "tools": TOOLS, "tool_choice": choice}
    with client.messages.stream(**asked) as stream:
        kinds = {event.delta.type for event in stream if event.type == "content_block_delta"}
        streamed = stream.get_final_message()
    assert kinds == {"input_json_delta"}
    for answer in (client.messages.create(**asked), streamed):
        (block,) = answer.content
        assert (answer.stop_reason, block.type, block.name) == ("tool_use", "tool_use", CALLED[choice["type"]])
        assert block.input == {"city": "Zürich", "days": 7}
        assert block.id.startswith("toolu_")


@pytest.mark.parametrize("choice", [None, {"type": "auto"}, {"type": "none"}])
def test_tools_that_need_not_be_called_are_not(api, choice):
    _, server = api()
    answer = post(server, tools=TOOLS, tool_choice=choice).json()
    assert (answer["content"][0]["text"], answer["stop_reason"]) == (DEFAULT_TEXT, "end_turn")


def test_arguments_that_a_limit_cuts_off_are_named_so(api):
    client, _ = api()
    asked = {**ASK, "max_tokens": 3, "tools": TOOLS, "tool_choice": {"type": "any"}}
    with client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    assert streamed.stop_reason == client.messages.create(**asked).stop_reason == "max_tokens"
    assert streamed.usage.output_tokens == 3


def test_a_model_that_says_nothing_still_ends_its_message(api):
    client, _ = api(model=ScriptedModel("", pace=0))
    with client.messages.stream(**ASK) as stream:
        message = stream.get_final_message()
    assert (message.content[0].text, message.stop_reason, message.usage.output_tokens) == ("", "end_turn", 0)


def test_any_text_survives_the_mould_that_deltas_are_cut_from(api):
    text = 'a "" "quoted" \\ back\nslash\r\n\u2028 {"} 👍'
    client, _ = api(model=ScriptedModel(text, pace=0))
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == text


def test_the_models_are_listed(api):
    client, _ = api()
    assert [model.id for model in client.models.list()] == ["scripted"]


# the wire


def test_each_event_has_the_name_that_its_data_says_and_a_ping_follows_the_start(api):
    _, server = api()
    answer = post(server, stream=True)
    events = SSEDecoder().feed(answer.content)
    assert [event.event for event in events] == [json.loads(event.data)["type"] for event in events]
    assert [event.event for event in events[:4]] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
    ]
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["request-id"].startswith("req_")


def test_silences_are_filled_with_ping_events_that_the_real_client_skips(api):
    client, server = api(faults="slow_start:300ms, stall@2:300ms", ping=0.02)
    assert post(server, stream=True).content.startswith(b'event: ping\ndata: {"type": "ping"}\n\n')
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == DEFAULT_TEXT


def test_curl_sees_the_events_as_they_are(api):
    curl = shutil.which("curl")
    assert curl, "curl is one of the tools that the course assumes"
    _, server = api()
    asked = json.dumps({**ASK, "stream": True})
    command = [curl, "-sN", "--max-time", "10", f"{server.url}/v1/messages", "-d", asked]
    ran = subprocess.run(command, capture_output=True, timeout=20, check=True)
    assert SSEDecoder().feed(ran.stdout)[-1].event == "message_stop"


# refusals


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages.0"),
        ({"model": 5}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": ""}, "tools"),
        ({"tool_choice": {"type": "any"}, "tools": [5]}, "tools"),
        ({"tool_choice": {"type": "any"}, "tools": [{"name": 5}]}, "tool_choice"),
        ({"tool_choice": {"type": "any"}, "tools": [{"name": "x", "input_schema": 5}]}, "schema"),
        ({"tool_choice": {"type": ["any"]}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {"type": "weather", "name": "weather"}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {"type": "tool", "name": "x"}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": "any", "tools": TOOLS}, "tool_choice"),
    ],
)
def test_a_wrong_request_is_an_error_that_names_the_field(api, asked, named):
    _, server = api()
    answer = post(server, **asked)
    body = answer.json()
    assert (answer.status_code, set(body), body["type"]) == (400, {"type", "error", "request_id"}, "error")
    assert body["error"]["type"] == "invalid_request_error"
    assert named in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"max_tokens": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_an_error(api, body):
    _, server = api()
    answer = httpx.post(f"{server.url}/v1/messages", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_body_that_is_too_large_is_refused_under_anthropics_name(api):
    client, _ = api()
    with pytest.raises(anthropic.ContentTooLargeError) as caught:
        client.messages.create(**{**ASK, "messages": [{"role": "user", "content": " " * 4_000_001}]})
    assert caught.value.body["error"]["type"] == "request_too_large"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("POST", "/v1/complete", 404, "not_found_error"),
    ],
)
def test_wrong_paths_and_methods_have_the_same_shape(api, method, path, status, kind):
    _, server = api()
    answer = httpx.request(method, server.url + path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.ContentTooLargeError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.ServiceUnavailableError, "api_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
def test_a_status_is_the_error_that_anthropic_gives_it(api, status, error, kind, stream):
    client, _ = api(faults=f"status@0:{status}")
    with pytest.raises(error) as caught:
        client.messages.create(**ASK, stream=stream)
    found = caught.value
    assert (found.status_code, found.type, found.request_id) == (status, kind, found.body["request_id"])


@pytest.mark.parametrize(("status", "wait"), [(429, "1"), (503, "1"), (500, None)])
def test_a_refusal_says_when_to_come_back(api, status, wait):
    _, server = api(faults=f"status@0:{status}")
    assert post(server).headers.get("retry-after") == wait


def test_a_fault_for_the_first_answer_spares_the_second_and_wrong_requests_do_not_count(api):
    client, server = api(faults="status@0:529*1")
    assert post(server, messages=[]).status_code == 400
    with pytest.raises(anthropic.OverloadedError):
        client.messages.create(**ASK)
    assert client.messages.create(**ASK).content[0].text == DEFAULT_TEXT


# faults in the answer


@http_versions
@pytest.mark.parametrize(("fault", "ending"), [("cut", "FIN"), ("reset", "RST"), ("truncate", "FIN")])
@pytest.mark.parametrize("at", [0, 5])
def test_the_connection_ends_after_that_many_tokens(api, dial, read_all, http, fault, ending, at):
    _, server = api(http, faults=f"{fault}@{at}")
    raw = dial(server.url)
    raw.sendall(raw_request(stream=True).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    data, seen = read_all(raw)
    assert data.startswith(b"HTTP/1.1 200")
    assert texts(data) == TOKENS[:at]
    assert (b"message_stop" in data, seen) == (False, ending)
    assert data.endswith(b"0\r\n\r\n") == (fault == "truncate"), "only truncate ends properly"
    assert server.last_error is None, "what was asked for is no error"


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails_before_its_first_token_is_a_status(api, stream):
    client, _ = api(faults="error@0")
    with pytest.raises(anthropic.InternalServerError) as caught:
        client.messages.create(**ASK, stream=stream)
    assert (caught.value.status_code, caught.value.type) == (500, "api_error")


def test_a_model_that_fails_after_a_ping_is_an_error_in_the_stream(api):
    _, server = api(faults="stall@0:300ms, error@0", ping=0.02)
    answer = post(server, stream=True)
    names = [event.event for event in SSEDecoder().feed(answer.content)]
    assert (answer.status_code, set(names[:-1]), names[-1]) == (200, {"ping"}, "error")


def test_an_error_in_the_stream_comes_after_its_tokens_and_ends_it(api):
    _, server = api(faults="error@4")
    answer = post(server, stream=True)
    *before, last = SSEDecoder().feed(answer.content)
    assert texts(answer.content) == TOKENS[:4]
    assert (last.event, json.loads(last.data)["error"]["type"]) == ("error", "api_error")
    assert json.loads(last.data)["request_id"] == answer.headers["request-id"]
    assert "message_stop" not in [event.event for event in before]


def test_garble_takes_the_place_of_the_next_token(api):
    _, server = api(faults="garble@2")
    readable = []
    for event in SSEDecoder().feed(post(server, stream=True).content):
        if event.event == "content_block_delta":
            try:
                readable.append(json.loads(event.data)["delta"]["text"])
            except json.JSONDecodeError:
                readable.append(None)
    assert readable == [*TOKENS[:2], None, *TOKENS[3:]]


@pytest.mark.parametrize(
    ("fault", "error", "whole_error"),
    [
        ("cut@5", httpx2.RemoteProtocolError, anthropic.APIConnectionError),
        ("reset@5", httpx2.ReadError, anthropic.APIConnectionError),
        ("error@4", anthropic.APIStatusError, anthropic.InternalServerError),
        ("garble@2", json.JSONDecodeError, json.JSONDecodeError),
    ],
)
def test_the_real_client_sees_each_fault_as_its_own_error(api, fault, error, whole_error):
    client, _ = api(faults=fault)
    with pytest.raises(error):
        list(client.messages.create(**ASK, stream=True))
    with pytest.raises(whole_error):
        client.messages.create(**ASK)


def test_a_stall_and_a_slow_start_lose_nothing(api):
    client, _ = api(faults="slow_start:20ms, stall@3:20ms")
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == DEFAULT_TEXT


def test_a_byte_fault_is_refused():
    with pytest.raises(MisuseError, match="chaos"):
        anthropic_api.create_app(faults="split:1")


# leaving, stopping


@pytest.mark.parametrize("stream", [False, True])
def test_a_generation_is_counted_while_it_runs_and_stops_when_the_client_leaves(api, dial, stream):
    _, server = api(model=ScriptedModel(pace=0.01, text="word " * 100_000))
    raw = dial(server.url)
    raw.sendall(raw_request(stream=stream, max_tokens=100_000))
    assert eventually(lambda: server.stats == {"connections": 1, "streams": int(stream), "generations": 1})
    raw.close()
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


def test_a_token_is_on_its_way_before_the_next_one_is_made(api):
    client, server = api(faults="stall@1:999s")
    with client.messages.stream(**ASK) as stream:
        assert next(stream.text_stream) == TOKENS[0]
    assert eventually(lambda: server.stats["generations"] == 0)


def test_an_open_stream_is_told_when_the_server_stops(api):
    client, server = api(faults="stall@1:999s")
    with client.messages.stream(**ASK) as stream:
        next(stream.text_stream)
        server.stop()
        with pytest.raises(anthropic.APIStatusError) as caught:
            stream.until_done()
    assert caught.value.type == "api_error"


def test_an_app_can_be_made_by_name():
    with serve(create("anthropic_api", model=FAST, faults="status@0:418")) as server:
        assert post(server).status_code == 418

"""OpenAI's Responses, read by the real client, whose types are asked strictly whether each event is one of theirs."""

import asyncio
import json

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from course_lib.apps import openai_api
from course_lib.endings import classify_ending
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams.peers import eventually

FAST = ScriptedModel(pace=0)
ASK = {"model": "m", "input": "why?"}
TOOLS = [
    {
        "type": "function",
        "name": name,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    }
    for name in ("weather", "forecast")
]
TEXT_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * len(FAST.tokens()),
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
any_event = TypeAdapter(ResponseStreamEvent)


@pytest.fixture
def api():
    """`api(**options)` serves the app and gives (official client, server)."""
    servers, clients = [], []

    def start(model=FAST, **options):
        servers.append(serve(openai_api.create_app(model, **options)))
        clients.append(openai.OpenAI(base_url=f"{servers[-1].url}/v1", api_key="none", max_retries=0, timeout=10))
        return clients[-1], servers[-1]

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.stop()


def events_of(server, **asked):
    """The events as they are on the wire."""
    body = httpx.post(f"{server.url}/v1/responses", json={**ASK, "stream": True, **asked}).content
    return SSEDecoder().feed(body)


def test_a_stream_has_the_events_of_the_real_api_in_their_order(api):
    client, _ = api()
    events = list(client.responses.create(**ASK, stream=True))
    assert [event.type for event in events] == TEXT_EVENTS
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.delta for event in events if event.type.endswith("delta")] == FAST.tokens()
    final = events[-1].response
    assert (final.status, final.output_text, final.output[0].status) == ("completed", DEFAULT_TEXT, "completed")
    assert final.usage.output_tokens == len(FAST.tokens())
    assert final.usage.total_tokens == final.usage.input_tokens + final.usage.output_tokens
    assert {event.response.id for event in events if hasattr(event, "response")} == {final.id}
    assert {event.item_id for event in events if hasattr(event, "item_id")} == {final.output[0].id}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"max_output_tokens": 3},
        {"tools": TOOLS, "tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": {"type": "function", "name": "forecast"}, "max_output_tokens": 3},
        {"tools": TOOLS, "instructions": "Be brief.", "input": [{"role": "user", "content": "hi"}]},
    ],
)
@pytest.mark.parametrize("faults", ["", "error@4"])
def test_each_event_is_valid_by_the_types_of_the_client_and_named_as_its_payload_is(api, asked, faults):
    _, server = api(faults=faults)
    events = events_of(server, **asked)
    for event in events:
        assert any_event.validate_json(event.data).type == event.event
    lasts = [event.event for event in events][-1]
    cut = "max_output_tokens" in asked
    assert lasts == f"response.{'failed' if faults and not cut else 'incomplete' if cut else 'completed'}"


def test_the_helper_of_the_client_that_gathers_a_stream_agrees(api):
    client, _ = api()
    with client.responses.stream(**ASK) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == final.output_text == DEFAULT_TEXT
    strict = [{**tool, "strict": True} for tool in TOOLS]
    with client.responses.stream(**ASK, tools=strict, tool_choice="required") as stream:
        call = stream.get_final_response().output[0]
    assert json.loads(call.arguments) == call.parsed_arguments == {"city": "Zürich", "days": 7}


def test_the_asynchronous_client_reads_both(api):
    _, server = api()

    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            whole = await client.responses.create(**ASK)
            stream = await client.responses.create(**ASK, stream=True)
            deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            async with client.responses.stream(**ASK) as gathered:
                return whole.output_text, "".join(deltas), (await gathered.get_final_response()).output_text

    assert asyncio.run(ask()) == (DEFAULT_TEXT,) * 3


def test_an_answer_in_one_piece_is_a_valid_response(api):
    client, server = api()
    answer = httpx.post(f"{server.url}/v1/responses", json={**ASK, "instructions": "Be brief."}).json()
    assert Response.model_validate(answer, strict=True).instructions == "Be brief."
    whole = client.responses.create(**ASK)
    assert (whole.output_text, whole.status, whole.error) == (DEFAULT_TEXT, "completed", None)


def test_a_limit_makes_a_response_incomplete_and_the_gathering_helper_refuses_it(api):
    client, _ = api()
    events = list(client.responses.create(**ASK, max_output_tokens=3, stream=True))
    whole = client.responses.create(**ASK, max_output_tokens=3)
    assert events[-1].type == "response.incomplete"
    for response in (events[-1].response, whole):
        assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert (response.output_text, response.output[0].status) == ("".join(FAST.tokens(3)), "incomplete")
    with client.responses.stream(**ASK, max_output_tokens=3) as stream, pytest.raises(RuntimeError, match="completed"):
        stream.get_final_response()


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "forecast"}])
def test_a_required_function_is_called_with_arguments_that_fit(api, choice):
    client, _ = api()
    asked = {**ASK, "tools": TOOLS, "tool_choice": choice}
    whole = client.responses.create(**asked).output[0]
    events = list(client.responses.create(**asked, stream=True))
    kinds = [event.type for event in events]
    assert kinds[2:4] == ["response.output_item.added", "response.function_call_arguments.delta"]
    assert kinds[-3:] == ["response.function_call_arguments.done", "response.output_item.done", "response.completed"]
    assert "".join(event.delta for event in events if event.type.endswith("delta")) == events[-3].arguments
    for call in (whole, events[-1].response.output[0]):
        assert (call.type, call.name) == ("function_call", "weather" if choice == "required" else "forecast")
        assert json.loads(call.arguments) == {"city": "Zürich", "days": 7}
        assert call.call_id.startswith("call_")


def test_tools_that_need_not_be_called_are_not_and_are_told_again(api):
    client, _ = api()
    answer = client.responses.create(**ASK, tools=TOOLS, metadata={"a": "b"})
    assert (answer.output_text, answer.tools[0].name, answer.metadata) == (DEFAULT_TEXT, "weather", {"a": "b"})


def test_a_wrong_request_is_an_error_that_names_the_field(api):
    _, server = api()
    wrong = [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["hi"]}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"model": ""}, "model"),
        ({"instructions": 5}, "instructions"),
        ({"stream": 1}, "stream"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        *(({"metadata": wrong}, "metadata") for wrong in ("x", "", [])),
        ({"background": True}, "background"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": "weather"}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        ({"tools": [{"type": "function", "name": "f", "parameters": 5}], "tool_choice": "required"}, "tools"),
    ]
    with httpx.Client(base_url=server.url) as client:
        for asked, param in wrong:
            answer = client.post("/v1/responses", json={**ASK, **asked})
            assert answer.status_code == 400, asked
            error = answer.json()["error"]
            assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert client.get("/v1/responses").status_code == 405
    assert server.last_error is None


# faults


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status@0:429", openai.RateLimitError),
        ("status@0:500", openai.InternalServerError),
        ("error@0", openai.InternalServerError),
        ("cut@5", openai.APIConnectionError),
        ("reset@5", openai.APIConnectionError),
        ("garble@2", json.JSONDecodeError),
    ],
)
def test_the_real_client_sees_each_fault_as_its_own_error(api, fault, error, stream):
    client, _ = api(faults=fault)
    with pytest.raises(error):
        list(client.responses.create(**ASK, stream=stream))


def test_a_failure_in_the_stream_is_an_event_that_the_real_client_does_not_raise(api):
    client, _ = api(faults="error@4")
    events = list(client.responses.create(**ASK, stream=True))
    assert sum(event.type == "response.output_text.delta" for event in events) == 4
    last = events[-1]
    assert (last.type, last.response.status, last.response.error.code) == ("response.failed", "failed", "server_error")
    with pytest.raises(openai.InternalServerError):
        client.responses.create(**ASK)
    with client.responses.stream(**ASK) as stream, pytest.raises(RuntimeError, match="completed"):
        stream.get_final_response()


def test_a_truncated_stream_ends_well_and_without_its_last_event(api):
    client, server = api(faults="truncate@5")
    kinds = [event.type for event in client.responses.create(**ASK, stream=True)]
    assert kinds == TEXT_EVENTS[:9]
    assert classify_ending(events_of(server)) == "truncated"


@pytest.mark.parametrize("ending", ["FIN", "RST"])
def test_a_connection_that_breaks_does_so_after_that_many_tokens(api, dial, read_all, ending):
    _, server = api(faults="cut@5" if ending == "FIN" else "reset@5")
    data, seen = read_all(ask_raw(dial, server))
    assert (data.count(b"event: response.output_text.delta\n"), seen) == (5, ending)
    assert not data.endswith(b"0\r\n\r\n")


def test_garble_takes_the_place_of_the_next_token_and_of_its_number(api):
    _, server = api(faults="garble@2")
    events = events_of(server)
    deltas = [event.data for event in events if event.event == "response.output_text.delta"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(deltas[2])
    numbers = [json.loads(event.data)["sequence_number"] for event in events if event.data != deltas[2]]
    assert numbers == [number for number in range(len(events)) if number != 6]
    assert json.loads(deltas[3])["delta"] == FAST.tokens()[3]


def test_a_stall_and_a_slow_start_lose_nothing(api):
    client, _ = api(faults="slow_start:20ms, stall@3:20ms")
    deltas = [e.delta for e in client.responses.create(**ASK, stream=True) if e.type == "response.output_text.delta"]
    assert "".join(deltas) == DEFAULT_TEXT


def test_both_endpoints_count_their_answers_together(api):
    client, _ = api(faults="status@0:503*1")
    with pytest.raises(openai.InternalServerError):
        client.responses.create(**ASK)
    assert client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).id.endswith("1")


# time


def ask_raw(dial, server):
    body = json.dumps({**ASK, "stream": True}).encode()
    raw = dial(server.url)
    raw.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")
    raw.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    return raw


def payloads(data):
    return [json.loads(line[6:]) for line in data.splitlines() if line.startswith(b"data: ")]


def test_an_event_is_on_its_way_before_the_next_token_is_made(api):
    client, _ = api(faults="stall@1:999s")
    events = client.responses.create(**ASK, stream=True)
    assert [next(events).type for _ in range(5)] == TEXT_EVENTS[:5]
    events.close()


@pytest.mark.parametrize("faults", ["stall@1:999s", "slow_start:999s"])
def test_open_streams_are_told_by_an_event_with_the_next_number_when_the_server_stops(api, dial, read_all, faults):
    _, server = api(faults=faults, ping=0.02)
    raw = ask_raw(dial, server)
    seen = b""
    while b": ping" not in seen:
        seen += raw.recv(65536)
    server.stop()
    rest, ending = read_all(raw)
    events = payloads(seen + rest)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"], ending) == ("response.created", "response.failed", "FIN")
    assert "shutting down" in events[-1]["response"]["error"]["message"]
    for event in events:
        any_event.validate_python(event)


def test_the_generation_stops_when_the_client_leaves(api):
    client, server = api(ScriptedModel(pace=0.01, text="word " * 100_000))
    events = client.responses.create(**ASK, stream=True)
    next(events)
    assert eventually(lambda: server.stats == {"connections": 1, "streams": 1, "generations": 1})
    events.close()
    assert eventually(lambda: not server.stats["streams"] and not server.stats["generations"])

"""From Anthropic's words to OpenAI's and back: by hand, without a socket."""

import pytest

from course_lib.apps.request import BadRequest
from course_lib.apps.translate import FINISH_REASONS, FromAnthropic, FromOpenAI, has_content, in_one, to_anthropic

USER = {"role": "user", "content": "why?"}
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 5}}}
HALF = {"function": {"name": "f", "arguments": '{"a'}}
SCHEMA = {"type": "object", "properties": {}}


def text(token, index=0):
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": token}}


def tool(index, name):
    block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    return {"type": "content_block_start", "index": index, "content_block": block}


def part(index, piece):
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}}


def stop(reason):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}}


def translated(*events, **options):
    reader = FromAnthropic(**options)
    chunks = [chunk for event in events for chunk in reader.feed(event)]
    return reader, chunks


def deltas(chunks):
    return [chunk["choices"][0]["delta"] for chunk in chunks]


def test_text_keeps_its_pieces_and_the_end_waits_for_the_provider():
    reader, chunks = translated(START, text("Hi"), text(" there"), stop("end_turn"), {"type": "message_stop"})
    assert deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": "Hi"}, {"content": " there"}]
    assert [has_content(chunk) for chunk in chunks] == [False, True, True]
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
    [last] = reader.end()
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in [*chunks, last]} == {
        ("msg_1", "m", reader.created)
    }


def test_tools_are_counted_without_the_blocks_of_text():
    events = [START, text("Let me see."), tool(1, "weather"), part(1, ""), part(1, '{"a"'), part(1, ": 1}")]
    reader, chunks = translated(*events, tool(2, "forecast"), part(2, "{}"), stop("tool_use"))
    calls = [call for delta in deltas(chunks) for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in calls] == [0, 0, 0, 1, 1]
    assert [call["function"].get("name") for call in calls] == ["weather", None, None, "forecast", None]
    message = in_one([*chunks, *reader.end()])["choices"][0]
    assert [call["function"] for call in message["message"]["tool_calls"]] == [
        {"name": "weather", "arguments": '{"a": 1}'},
        {"name": "forecast", "arguments": "{}"},
    ]
    assert [call["id"] for call in message["message"]["tool_calls"]] == ["toolu_1", "toolu_2"]
    assert (message["message"]["content"], message["finish_reason"]) == ("Let me see.", "tool_calls")


@pytest.mark.parametrize(("reason", "other"), [*FINISH_REASONS.items(), ("a new reason", "a new reason")])
def test_reasons_to_stop_have_other_names(reason, other):
    reader, _ = translated(START, stop(reason))
    assert reader.end()[0]["choices"][0]["finish_reason"] == other


def test_without_a_reason_none_is_invented():
    reader, _ = translated(START, text("Hi"), stop(None))
    assert reader.end()[0]["choices"][0]["finish_reason"] is None


def test_usage_is_gathered_and_told_to_those_who_ask():
    reader, _ = translated(START, stop("end_turn"), include_usage=True)
    usage = reader.end()[1]
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    assert (reader.input_tokens, reader.output_tokens) == (5, 7)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ping"},
        {"type": "a_new_type", "delta": {"text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}},
        {"type": "content_block_delta", "index": {}, "delta": {"partial_json": "x"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "message_delta", "delta": {"stop_reason": {}}},
        {"type": "message_stop"},
        {},
    ],
)
def test_what_is_unknown_or_odd_gives_nothing(event):
    before = repr(event)
    assert translated(event)[1] == []
    assert repr(event) == before


def test_chunks_of_openai_stay_as_they_are():
    reader = FromOpenAI()
    chunk = {"id": "c", "model": "m", "choices": [{"delta": {"content": "Hi"}}], "system_fingerprint": "x"}
    usage = {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": True}}
    assert reader.feed(chunk) == [chunk]
    assert reader.feed(usage) == [], "this client has not asked for it"
    assert FromOpenAI(include_usage=True).feed(usage) == [usage]
    assert (reader.id, reader.model, reader.input_tokens, reader.output_tokens) == ("c", "m", 1, None)


@pytest.mark.parametrize("options", [{"include_obfuscation": False}, {"include_usage": False}, {}, None, 7])
def test_a_question_for_openai_stays_as_it_is_and_asks_for_usage_too(options):
    asked = {"messages": [USER], "stream": False, "stream_options": options, "seed": 1}
    wanted = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    assert FromOpenAI.question(asked) == {**asked, "stream": True, "stream_options": wanted}
    assert asked["stream_options"] == options


@pytest.mark.parametrize("odd", [7, {"a": 1}, ["x"], None])
def test_names_that_are_no_text_are_not_learnt(odd):
    message = {"id": odd, "model": odd}
    readers = [FromOpenAI(), FromAnthropic()]
    readers[0].feed(message)
    readers[1].feed({"type": "message_start", "message": message})
    assert {(reader.id, reader.model) for reader in readers} == {(None, None)}


@pytest.mark.parametrize("choices", [None, 7, [7], [{}], [{"delta": None}], [{"delta": {"tool_calls": [7, {}]}}]])
def test_odd_chunks_break_nothing(choices):
    odd = {"choices": choices}
    assert not has_content(odd)
    assert in_one([odd, {"choices": [{"delta": {"content": "Hi"}}]}])["choices"][0]["message"]["content"] == "Hi"


def test_a_question_is_asked_in_the_words_of_anthropic():
    question = to_anthropic(
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be"}, {"role": "developer", "content": "brief."}, USER],
            "max_completion_tokens": 9,
            "temperature": 0.5,
            "stop": "END",
            "seed": 1,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}],
            "tool_choice": "required",
        }
    )
    assert question == {
        "model": "m",
        "max_tokens": 9,
        "stream": True,
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "system": "Be\n\nbrief.",
        "messages": [{"role": "user", "content": "why?"}],
        "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any"},
    }


def test_calls_and_their_results_are_blocks_and_the_results_one_message():
    calls = [{"id": n, "type": "function", "function": {"name": "f", "arguments": '{"n": 1}'}} for n in ("a", "b")]
    results = [{"role": "tool", "tool_call_id": n, "content": n * 2} for n in ("a", "b")]
    turns = to_anthropic({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": calls}, *results]})
    assert turns["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": n, "name": "f", "input": {"n": 1}} for n in ("a", "b")],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": n, "content": n * 2} for n in ("a", "b")],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "other"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ],
)
def test_the_choice_of_a_tool(choice, other):
    assert to_anthropic({"messages": [USER], "tool_choice": choice})["tool_choice"] == other


def test_text_in_parts_is_one_text_and_a_limit_is_always_set():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    question = to_anthropic({"messages": [{"role": "user", "content": parts}]})
    assert question["messages"] == [{"role": "user", "content": "ab"}]
    assert question["max_tokens"] > 0


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [USER, {"role": "robot", "content": ""}]}, "messages[1]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0]"),
        ({"messages": [{"role": "system", "content": [7]}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "tool_calls": 7}]}, "messages[0].tool_calls"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [HALF]}]},
            "messages[0].tool_calls",
        ),
        ({"messages": [USER], "tools": 7}, "tools"),
        ({"messages": [USER], "tools": [{}]}, "tools[0]"),
        ({"messages": [USER], "tool_choice": "perhaps"}, "tool_choice"),
        ({"messages": [USER], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"messages": [USER], "max_tokens": "9"}, "max_tokens"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_name(asked, param):
    with pytest.raises(BadRequest) as raised:
        to_anthropic(asked)
    assert (raised.value.status_code, raised.value.param) == (400, param)

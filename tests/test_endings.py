"""The five endings, told apart in each vocabulary, whatever the order of bad luck."""

import json

import pytest

from course_lib.endings import PARTIAL, TERMINATORS, EndingReader, classify_ending
from course_lib.errors import MisuseError
from course_lib.wire.sse import ServerSentEvent, SSEDecoder, encode_event

ERROR = {"error": {"type": "server_error", "message": "no"}}


def chat(text="", finish_reason=None):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}]}


def stop_reason(reason):
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {}}


TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
START, STOP = {"type": "message_start", "message": {"stop_reason": None}}, {"type": "message_stop"}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
CREATED = {"type": "response.created", "response": {"status": "in_progress", "error": None}}
CUT_SHORT = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}
DONE = "[DONE]"

STREAMS = [  # vocabulary, events, transport_error, ending
    ("openai_chat", [chat("Hi"), chat(finish_reason="stop"), DONE], None, "complete"),
    ("openai_chat", [chat("Hi"), chat(finish_reason="tool_calls"), DONE], None, "complete"),
    ("openai_chat", [chat("Hi"), chat(finish_reason="length"), DONE], None, "length"),
    ("openai_chat", [chat("Hi"), chat(finish_reason="content_filter"), DONE], None, "length"),
    ("openai_chat", [chat("Hi", "stop"), USAGE, DONE], None, "complete"),
    ("openai_chat", [chat("Hi", "stop"), DONE, DONE], None, "complete"),
    ("openai_chat", [chat("Hi", "stop"), DONE], "ReadError", "complete"),
    ("openai_chat", [chat("Hi", "stop"), DONE], "cancelled", "complete"),
    ("openai_chat", [chat("Hi"), DONE], None, "truncated"),
    ("openai_chat", [chat("Hi", "stop")], None, "truncated"),
    ("openai_chat", [chat("Hi", "length")], None, "truncated"),
    ("openai_chat", [chat("Hi", "stop"), "[DONE]x"], None, "truncated"),
    ("openai_chat", [chat("Hi")], None, "truncated"),
    ("openai_chat", [chat("Hi")], "ReadError", "truncated"),
    ("openai_chat", [chat("Hi")], "cancelled", "cancelled"),
    ("openai_chat", [], None, "truncated"),
    ("openai_chat", [chat("Hi"), ERROR, chat("", "stop"), DONE], None, "error"),
    ("openai_chat", [chat("Hi"), {"error": {}}, DONE], None, "error"),
    ("openai_chat", [chat("Hi"), {"error": "text"}], "cancelled", "error"),
    ("openai_chat", [{**chat("Hi"), "error": None}, chat("", "stop"), DONE], None, "complete"),
    ("openai_chat", [chat("Hi"), ServerSentEvent("error", "{}"), DONE], None, "error"),
    ("openai_chat", [chat("Hi"), ServerSentEvent("error", "not JSON"), DONE], None, "error"),
    ("openai_chat", ["{", "null", "7", "{}", '{"choices": [7, null, {}]}', chat("", "stop"), DONE], None, "complete"),
    ("openai_chat", [{"choices": {"a": 1}}, ServerSentEvent("news", "x"), chat("", "stop"), DONE], None, "complete"),
    ("openai_chat", ['{"a": ' + "[" * 100_000, chat("", "stop"), DONE], None, "complete"),
    ("openai_chat", [chat("", "length"), chat("", "stop"), DONE], None, "length"),
    ("openai_responses", [CREATED, {"type": "response.completed", "response": {}}], None, "complete"),
    ("openai_responses", [CREATED, {"type": "response.completed"}], "ReadError", "complete"),
    ("openai_responses", [CREATED, CUT_SHORT], None, "length"),
    ("openai_responses", [CREATED, {"type": "response.failed", "response": {"error": {"code": "x"}}}], None, "error"),
    ("openai_responses", [CREATED, {"type": "error", "code": None, "message": "no"}], None, "error"),
    ("openai_responses", [CREATED, {"type": "response.output_text.done", "text": "all"}], None, "truncated"),
    ("openai_responses", [CREATED, DONE], None, "truncated"),
    ("openai_responses", [CREATED], "cancelled", "cancelled"),
    ("anthropic", [START, TEXT, stop_reason("end_turn"), STOP], None, "complete"),
    ("anthropic", [START, TEXT, stop_reason("tool_use"), STOP], None, "complete"),
    ("anthropic", [START, TEXT, stop_reason("max_tokens"), STOP], None, "length"),
    ("anthropic", [START, TEXT, stop_reason("pause_turn"), STOP], None, "length"),
    ("anthropic", [START, TEXT, stop_reason("end_turn"), STOP], "ReadError", "complete"),
    ("anthropic", [START, TEXT, stop_reason("end_turn")], None, "truncated"),
    ("anthropic", [START, TEXT], "RemoteProtocolError", "truncated"),
    ("anthropic", [START, TEXT, {"type": "ping"}], "cancelled", "cancelled"),
    ("anthropic", [START, TEXT, OVERLOADED, STOP], None, "error"),
    ("anthropic", [START, {"type": "a_new_type"}, {"type": 7}, stop_reason("end_turn"), STOP], None, "complete"),
    ("anthropic", [START, TEXT, DONE], None, "truncated"),
    ("resume", [ServerSentEvent(data="Hi"), ServerSentEvent("done", "")], None, "complete"),
    ("resume", [ServerSentEvent(data="Hi"), ServerSentEvent("done", '{"finish_reason": "length"}')], None, "length"),
    ("resume", [ServerSentEvent(data="Hi"), ServerSentEvent("error", "{}")], None, "error"),
    ("resume", [ServerSentEvent(data="Hi"), ServerSentEvent("cancelled", "{}")], None, "cancelled"),
    ("resume", [ServerSentEvent(data="Hi")], None, "truncated"),
    (
        "resume",
        [ServerSentEvent(data=text) for text in ('{"type": "done"}', DONE, json.dumps(ERROR))],
        None,
        "truncated",
    ),
    ("websocket_chat", [{"type": "token", "id": "1", "content": "Hi"}, {"type": "done", "id": "1"}], None, "complete"),
    ("websocket_chat", ['{"type": "done", "finish_reason": "length"}'], None, "length"),
    ("websocket_chat", [{"type": "error", "message": "no"}], None, "error"),
    (
        "websocket_chat",
        [{"type": "error", "id": "a", "code": "still_running"}, {"type": "done", "id": "a"}],
        None,
        "complete",
    ),
    ("websocket_chat", [{"type": "token"}, {"type": "cancelled", "id": "1"}], None, "cancelled"),
    ("websocket_chat", [{"type": "token"}, {"type": "pong"}], None, "truncated"),
    ("websocket_chat", [{"type": "token"}], "cancelled", "cancelled"),
    ("ndjson", [{"token": "Hi"}, '{"done": true, "finish_reason": "stop", "tokens": 1}'], None, "complete"),
    ("ndjson", [{"token": "Hi"}, {"done": True, "finish_reason": "length"}], "ReadError", "length"),
    ("ndjson", [{"token": "Hi", "done": False}], None, "truncated"),
    ("ndjson", [{"token": "Hi"}, ERROR, {"done": True}], None, "error"),
    ("text", ["Hi"], None, "complete"),
    ("text", [DONE, json.dumps(ERROR)], None, "complete"),
    ("text", ["Hi"], "ReadError", "truncated"),
    ("text", ["Hi"], "cancelled", "cancelled"),
]


@pytest.mark.parametrize(("vocabulary", "events", "transport_error", "ending"), STREAMS)
def test_the_endings_are_told_apart(vocabulary, events, transport_error, ending):
    assert classify_ending(events, transport_error, vocabulary) == ending


@pytest.mark.parametrize(
    ("vocabulary", "events", "transport_error", "ending"),
    [row for row in STREAMS if row[0] not in ("resume", "websocket_chat", "text")],
)
def test_the_vocabulary_is_found_out_from_the_events(vocabulary, events, transport_error, ending):
    reader = EndingReader()
    for event in events:
        reader.feed(event)
    assert reader.close(transport_error) == ending
    assert reader.vocabulary in (vocabulary, None)
    assert reader.vocabulary == vocabulary or reader.decided == "error" or not events


@pytest.mark.parametrize(("vocabulary", "events", "transport_error", "ending"), STREAMS)
def test_parsed_messages_pairs_and_decoded_events_are_the_same(vocabulary, events, transport_error, ending):
    as_text = [
        event if isinstance(event, str) else json.dumps(event) for event in events if isinstance(event, str | dict)
    ]
    if len(as_text) == len(events):
        assert classify_ending(as_text, transport_error, vocabulary) == ending
        wire = b"".join(map(encode_event, as_text))
        if vocabulary != "resume":
            assert classify_ending(SSEDecoder().feed(wire), transport_error, vocabulary) == ending
    pairs = [{"event": e.event, "data": e.data} for e in events if isinstance(e, ServerSentEvent)]
    if pairs:
        given = iter(pairs)
        mixed = [next(given) if isinstance(event, ServerSentEvent) else event for event in events]
        assert classify_ending(mixed, transport_error, vocabulary) == ending


def test_the_name_of_an_event_counts_when_its_data_says_nothing():
    named = [ServerSentEvent("message_start", "{}"), ServerSentEvent("message_stop", "{}")]
    assert classify_ending(named) == "complete"


def test_the_ending_is_known_the_moment_it_is_decided():
    reader = EndingReader("anthropic")
    assert [reader.feed(event) for event in (START, TEXT, stop_reason("max_tokens"), STOP)] == [None] * 3 + ["length"]
    assert (reader.decided, reader.reason) == ("length", "max_tokens")
    assert reader.close("ReadError") == "length"
    assert reader.feed(OVERLOADED) == "length"


def test_closing_decides_and_what_is_late_changes_nothing():
    reader = EndingReader("openai_chat")
    assert reader.close("ReadError") == "truncated"
    assert reader.feed(DONE) == reader.close("cancelled") == "truncated"


@pytest.mark.parametrize("reason", sorted(PARTIAL))
def test_every_partial_reason_is_kept_in_the_words_of_the_server(reason):
    reader = EndingReader()
    reader.feed(stop_reason(reason))
    reader.feed(STOP)
    assert (reader.decided, reader.reason) == ("length", reason)


def test_only_the_messages_of_one_answer_count_when_its_id_is_given():
    reader = EndingReader("websocket_chat", id="2")
    for message in ({"type": "cancelled", "id": "1"}, {"type": "error", "message": "bad JSON"}, {"type": "done"}):
        assert reader.feed(message) is None
    assert reader.feed({"type": "done", "id": "2"}) == "complete"


def test_nothing_is_complete_in_an_unknown_vocabulary():
    assert classify_ending([{"token": "Hi"}, "Hi"]) == "truncated"
    assert classify_ending([{"token": "Hi"}], "cancelled") == "cancelled"


@pytest.mark.parametrize("wrong", [b"[DONE]", None, 5, ["[DONE]"], object()])
def test_what_is_no_event_is_refused_by_its_type(wrong):
    with pytest.raises(MisuseError, match=type(wrong).__name__):
        EndingReader().feed(wrong)


def test_a_vocabulary_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(MisuseError, match="anthropic"):
        EndingReader("gemini")
    assert all(EndingReader(vocabulary).close() in ("complete", "truncated") for vocabulary in TERMINATORS)

"""Lanes from recordings: tokens with their times, and how each answer ended, however it was framed and cut."""

import json

import pytest

from course_lib.recording import Recording
from course_lib.views.bodies import token_of
from course_lib.views.draw import RED
from course_lib.views.lanes import Lane
from course_lib.views.pictures import waterfall_static
from course_lib.views.timeline import Timeline
from course_lib.wire.chunked import LAST_CHUNK, encode_chunk
from tests.views.recordings import DONE, EVENTS, REQUEST, chat, conversation, head, openai


def only(recording: Recording) -> Lane:
    [lane] = Timeline(recording).lanes
    return lane


def texts(lane: Lane) -> list[str]:
    return [text for _, text in lane.tokens]


def test_a_chunked_event_stream_gives_a_token_per_event_at_its_time():
    lane = only(chat("Hé", " there"))
    assert lane.tokens == [(2.0, "Hé"), (2.5, " there")]
    assert (lane.label, lane.status, lane.started, lane.ended) == ("POST /v1/chat/completions", 200, 1.0, 3.0)
    assert lane.ending == "complete"
    assert lane.metrics().ttft == 1.0


def test_the_cuts_change_the_times_but_not_the_tokens():
    whole = chat("Hé", " there", "!")
    data = whole.bytes_from("server")
    cut = conversation(*(data[i : i + 1] for i in range(len(data))), step=0.001)
    assert texts(only(cut)) == texts(only(whole))
    assert only(cut).ending == "complete"


def test_a_growing_recording_is_decoded_once():
    whole = chat(*"abcdef")
    growing = Recording()
    timeline = Timeline(growing)
    for chunk in whole.chunks:
        growing.add(chunk.at, chunk.conn, chunk.side, chunk.data, chunk.kind)
        timeline.update()
    assert [(lane.tokens, lane.ending) for lane in timeline.lanes] == [(only(whole).tokens, "complete")]


def test_an_answer_with_a_length_is_one_token_when_it_is_whole():
    body = json.dumps({"choices": [{"message": {"content": "all of it"}}]}).encode()
    fields = b"content-type: application/json", b"content-length: %d" % len(body)
    lane = only(conversation(head(*fields), body[:9], body[9:]))
    assert (lane.tokens, lane.ending) == ([(2.5, "all of it")], "complete")


def test_two_answers_on_one_connection_are_two_lanes():
    recording = chat("one")
    recording.add(9.0, 0, "client", REQUEST)
    for chunk in chat("two").chunks[2:]:
        recording.add(chunk.at + 9, 0, "server", chunk.data)
    lanes = Timeline(recording).lanes
    assert [(lane.label, texts(lane), lane.started) for lane in lanes] == [
        ("POST /v1/chat/completions", ["one"], 1.0),
        ("POST /v1/chat/completions #2", ["two"], 9.0),
    ]


def test_pipelined_answers_in_one_read_belong_to_their_requests():
    answers = [head(b"content-type: text/plain", b"content-length: 3") + word for word in (b"one", b"two")]
    recording = conversation(b"".join(answers), request=REQUEST + REQUEST)
    assert [texts(lane) for lane in Timeline(recording).lanes] == [["one"], ["two"]]


def test_connections_do_not_mix():
    recording = Recording()
    for conn in (0, 1):
        recording.add(0, conn, "client", REQUEST)
    answer = chat("a", "b").bytes_from("server")
    for i in range(0, len(answer), 7):
        for conn in (0, 1):
            recording.add(i, conn, "server", answer[i : i + 7])
    timeline = Timeline(recording)
    assert [texts(lane) for lane in timeline.lanes] == [["a", "b"], ["a", "b"]]


def test_plain_text_gives_a_token_per_read_and_survives_a_split_character():
    emoji = "a😀".encode()
    recording = conversation(head(b"content-type: text/plain"), emoji[:3], emoji[3:], b"b", end="server close")
    assert (texts(only(recording)), only(recording).ending) == (["a", "😀", "b"], "closed")


def test_ndjson_gives_a_token_per_line():
    lines = b'{"token": "a"}\n{"token": " b"}\n{"done": true}\n'
    fields = b"content-type: application/x-ndjson", b"transfer-encoding: chunked"
    pieces = [encode_chunk(lines[i : i + 5]) for i in range(0, len(lines), 5)]
    assert texts(only(conversation(head(*fields), *pieces, LAST_CHUNK))) == ["a", " b"]


@pytest.mark.parametrize(
    ("pieces", "end", "ending", "outcome"),
    [
        ([EVENTS, encode_chunk(openai("a"))], "server close", "cut off", "truncated"),
        ([EVENTS, encode_chunk(openai("a"))], "server reset", "reset", "truncated"),
        ([EVENTS, encode_chunk(openai("a"))], "client close", "client left", "cancelled"),
        ([EVENTS, encode_chunk(openai("a")), LAST_CHUNK], "server close", "no [DONE]", "truncated"),
        ([EVENTS, encode_chunk(b"event: error\ndata: {}\n\n"), LAST_CHUNK], "", "error", "error"),
        ([EVENTS, encode_chunk(b'data: {"error": {}}\n\n'), LAST_CHUNK], "", "error", "error"),
        ([head(b"content-type: application/jsonl", b"content-length: 15"), b'{"error": 500}\n'], "", "error", "error"),
        ([EVENTS, encode_chunk(openai("a", "stop") + DONE)], "server close", "cut off", "complete"),
        ([EVENTS, encode_chunk(openai("a", "stop") + DONE)], "client close", "client left", "complete"),
        ([EVENTS, encode_chunk(openai("a", "length") + DONE), LAST_CHUNK], "", "length", "length"),
        ([EVENTS, encode_chunk(openai("a") + DONE), LAST_CHUNK], "", "no finish_reason", "truncated"),
        (
            [EVENTS, encode_chunk(b'data: {"type": "message_start"}\n\n'), LAST_CHUNK],
            "",
            "no message_stop",
            "truncated",
        ),
        ([head(b"content-length: 5"), b"abc"], "server close", "cut off", "truncated"),
        ([head(b"content-length: 2", status=b"429 Too Many Requests"), b"no"], "", "status 429", "error"),
        ([], "server close", "cut off", "truncated"),
        ([EVENTS, encode_chunk(openai("a"))], "", "", None),
    ],
)
def test_the_endings_are_told_apart(pieces, end, ending, outcome):
    lane = only(conversation(*pieces, end=end))
    assert (lane.ending, lane.outcome, lane.metrics().ending) == (ending, outcome, outcome)
    assert lane.told == (ending if outcome in (None, ending) else f"{outcome} ({ending})")
    assert (lane.ended is None) == (ending == "")


def test_what_is_not_http_ends_the_lane_and_nothing_is_raised():
    lane = only(conversation(EVENTS, b"zz\r\n", b"more"))
    assert lane.ending.startswith("broken: ")
    assert Timeline(conversation(b"\x16\x03\x01", request=b"\x16\x03\x01\x02\r\n\r\n")).lanes == []


def test_a_head_answer_and_an_interim_answer_have_no_body():
    request = b"HEAD / HTTP/1.1\r\n\r\n" + REQUEST
    early = head(status=b"103 Early Hints")
    recording = conversation(head(b"content-length: 99") + early + head(b"content-length: 2") + b"hi", request=request)
    assert [(lane.status, texts(lane)) for lane in Timeline(recording).lanes] == [(200, []), (200, ["hi"])]


def test_the_title_of_a_recording_names_its_lanes():
    assert only(chat("a", title="merge:500ms")).label == "merge:500ms"


def test_a_lane_that_runs_grows_on_the_clock_of_the_view():
    recording = conversation(EVENTS)
    timeline = Timeline(Recording())
    timeline._recording = recording
    timeline.update(now=11.5)  # the chunk of 1.5 s was seen at 11.5 s: the clocks are 10 s apart
    assert timeline.lanes[0].length(13.0) == 2.0
    assert only(conversation(EVENTS)).length(13.0) == 0.0, "nobody knows how the clocks differ"


@pytest.mark.parametrize(
    ("payload", "token"),
    [
        ("plain", "plain"),
        ("", None),
        ("[DONE]", None),
        ('{"choices": [{"delta": {"role": "assistant", "content": ""}}]}', None),
        ('{"choices": [{"delta": {}, "finish_reason": "stop"}]}', None),
        ('{"choices": [], "usage": {}}', None),
        ('{"choices": [{"delta": {"content": " a"}}]}', " a"),
        ('{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}', "a"),
        ('{"type": "message_stop"}', None),
        ('{"type": "ping"}', None),
        ('{"type": "response.output_text.delta", "delta": "a"}', "a"),
        ('{"type": "response.completed"}', None),
        ('{"something": 1}', '{"something": 1}'),
        ('{"broken', '{"broken'),
        ('{"token": ' + "[" * 100_000, '{"token": ' + "[" * 100_000),
    ],
)
def test_payloads_of_known_vendors_give_their_content(payload, token):
    assert token_of(payload) == token


@pytest.mark.parametrize(("word", "outcome"), [("complete", "complete"), ("length", "length"), ("gave up", None)])
def test_a_lane_that_is_filled_by_hand_knows_the_five_words(word, outcome):
    lane = Lane("mine", started=0.0)
    lane.end(1.0, word)
    lane.end(2.0, "error")
    assert (lane.outcome, lane.told, lane.metrics().ending) == (outcome, word, outcome)


def test_lanes_of_one_path_can_be_told_apart_in_the_picture():
    lanes = [only(chat("a", title=f"POST /v1/chat/completions #{number}")) for number in (1, 2)]
    drawn = waterfall_static("", lanes, 5.0).picture
    assert ">POST /v…completions #1<" in drawn
    assert ">POST /v…completions #2<" in drawn


def test_the_waterfall_names_the_ending_and_marks_only_a_whole_answer_as_good():
    cut = conversation(EVENTS, encode_chunk(openai("a")), LAST_CHUNK)
    early = conversation(EVENTS, encode_chunk(openai("a", "stop") + DONE), end="client close")
    shown = [waterfall_static("", Timeline(recording).lanes, 5.0) for recording in (cut, early)]
    assert "truncated (no [DONE])" in shown[0].text
    assert "complete (client left)" in shown[1].text
    assert [RED in picture.picture for picture in shown] == [True, False]

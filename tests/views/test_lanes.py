"""Lanes of WebSockets and of HTTP/2: each answer with its tokens and its ending, however the bytes were cut."""

import asyncio
import json

import hpack
import httpx
import pytest
from websockets.sync.client import connect

from course_lib import serve, tap
from course_lib.apps import openai_api, websocket_chat
from course_lib.model import ScriptedModel
from course_lib.recording import Recording
from course_lib.views import events_view, waterfall
from course_lib.views.timeline import Timeline
from course_lib.wire.http2 import PREFACE
from course_lib.wire.websocket import Frame, Opcode, encode_frame
from tests.strategies import http2_frame
from tests.views.recordings import DONE, HOSTILE, openai

KEY = b"\x01\x02\x03\x04"
ASK = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n"
HANDSHAKE = [("client", ASK), ("server", SWITCH)]
SETTINGS = http2_frame("SETTINGS")
END_STREAM, END_HEADERS = 1, 4


def recorded(steps):
    """(side, bytes or a kind of chunk), one a second."""
    recording = Recording()
    for at, (side, what) in enumerate(steps):
        kind = "data" if isinstance(what, bytes) else what
        recording.add(at, 0, side, what if isinstance(what, bytes) else b"", kind)
    return recording


def without_reasons(found):
    """The lanes, of what breaks a rule only that it does."""
    return [(*one[:3], one[3].partition(":")[0], one[4]) for one in found]


def lanes(steps, cut=None):
    """What is seen of each lane; cut: bytes in a chunk, and the recording is followed as it grows."""
    recording = recorded(steps)
    if cut:
        whole, recording = recording, Recording()
        timeline = Timeline(recording)
        for chunk in whole.chunks:
            for at in range(0, len(chunk.data) or 1, cut):
                recording.add(chunk.at, 0, chunk.side, chunk.data[at : at + cut], chunk.kind)
                timeline.update()
    else:
        timeline = Timeline(recording)
    return [(one.started, one.status, one.tokens, one.told, one.ended) for one in timeline.lanes]


def message(side, value, opcode=Opcode.TEXT, fin=True):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return side, encode_frame(Frame(opcode, data, fin, mask=KEY if side == "client" else b""))


def said(kind, id=None, **fields):
    return message("server", {"type": kind, **({} if id is None else {"id": id}), **fields})


def asked(kind, id=None, **fields):
    return message("client", {"type": kind, **({} if id is None else {"id": id}), **fields})


def shut(side, code=1000):
    return message(side, code.to_bytes(2), Opcode.CLOSE)


CONVERSATIONS = {
    "an answer begins when it is asked for and ends with done": (
        [asked("prompt", 1), said("token", 1, content="a"), said("token", 1, content=" b"), said("done", 1)],
        [(2, 101, [(3, "a"), (4, " b")], "complete", 5)],
    ),
    "a limit is told by done": (
        [asked("prompt", 1), said("done", 1, finish_reason="length")],
        [(2, 101, [], "length", 3)],
    ),
    "a cancelled answer and the next one": (
        [asked("prompt", 1), asked("cancel", 1), said("cancelled", 1), asked("prompt", 2), said("done", 2)],
        [(2, 101, [], "cancelled", 4), (5, 101, [], "complete", 6)],
    ),
    "a prompt replaces an answer that runs": (
        [asked("prompt", 1), asked("prompt", 2), said("cancelled", 1), said("token", 2, content="x")],
        [(2, 101, [], "cancelled", 4), (3, 101, [(5, "x")], "", None)],
    ),
    "a tool is called in the middle": (
        [asked("prompt", 1), said("tool_call", 1, name="f", arguments="{}"), asked("tool_result", 1), said("done", 1)],
        [(2, 101, [], "complete", 5)],
    ),
    "an error in the answer": (
        [asked("prompt", 1), said("token", 1, content="a"), said("error", 1, message="no")],
        [(2, 101, [(3, "a")], "error", 4)],
    ),
    "an error about another message leaves the answer alone": (
        [asked("prompt", 1), message("client", b"junk"), said("error", message="?"), said("done", 1)],
        [(2, 101, [], "complete", 5), (3, 101, [], "error", 4)],
    ),
    "garbage belongs to the answer that runs": (
        [asked("prompt", 1), message("server", b'{"type": "tok'), said("done", 1)],
        [(2, 101, [(3, '{"type": "tok')], "complete", 4)],
    ),
    "a server without ids, which hears the cancel too late and takes it for a prompt": (
        [message("client", {"prompt": "?"}), said("token", content="a"), message("client", {"type": "cancel"}),
         said("done"), said("token", content="b"), said("done")],
        [(2, 101, [(3, "a")], "complete", 5), (6, 101, [(6, "b")], "complete", 7)],
    ),
    "fragments with a ping between them are one message": (
        [asked("prompt", 1), message("server", b'{"type": "token", "id": 1, ', fin=False),
         message("server", b"?", Opcode.PING), message("server", b'"content": "a"}', Opcode.CONTINUATION)],
        [(2, 101, [(5, "a")], "", None)],
    ),
    "a proper close before done is a truncation": (
        [asked("prompt", 1), said("token", 1, content="a"), shut("server"), shut("client"), ("server", "close")],
        [(2, 101, [(3, "a")], "truncated (no done)", 4)],
    ),
    "so is a close with a code, which is told": (
        [asked("prompt", 1), shut("server", 1011)],
        [(2, 101, [], "truncated (closed with 1011)", 3)],
    ),
    "the end of the connection without a close frame is one, too": (
        [asked("prompt", 1), ("server", "close")],
        [(2, 101, [], "truncated (cut off)", 3)],
    ),
    "a reset": ([asked("prompt", 1), ("server", "reset")], [(2, 101, [], "truncated (reset)", 3)]),
    "a client that leaves": ([asked("prompt", 1), shut("client")], [(2, 101, [], "cancelled (client left)", 3)]),
    "plain text says nothing of its end": (
        [message("client", b"hi"), message("server", b"hi"), shut("client")],
        [(2, 101, [(3, "hi")], "closed", 4)],
    ),
    "objects answer plain text": (
        [message("client", b"hi"), said("token", content="a"), said("done")],
        [(2, 101, [(3, "a")], "complete", 4)],
    ),
    "OpenAI's Responses have types of their own": (
        [asked("response.create"), said("response.output_text.delta", delta="a"), said("response.completed")],
        [(2, 101, [(3, "a")], "complete", 4)],
    ),
    "nothing is asked": ([shut("client")], [(0, 101, [], "closed", 2)]),
    "what is no frame": (
        [asked("prompt", 1), said("token", 1, content="a"), ("server", b"\xff")],
        [(2, 101, [(3, "a")], "truncated (broken", 4)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("cut", [None, 1, 2, 7])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_websocket_has_a_lane_for_each_answer(name, cut):
    steps, expected = CONVERSATIONS[name]
    assert without_reasons(lanes(HANDSHAKE + steps, cut)) == expected


def test_what_was_said_before_a_frame_that_breaks_the_rules_counts_whatever_the_cuts():
    pieces = b"".join(data for _, data in (said("token", 1, content="a"), ("server", b"\xff")))
    [(_, _, tokens, told, _)] = lanes([*HANDSHAKE, asked("prompt", 1), ("server", pieces)])
    assert (tokens, told[:17]) == ([(3, "a")], "truncated (broken")


def test_a_compressed_message_counts_and_is_not_read():
    agreed = SWITCH[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    packed = encode_frame(Frame(Opcode.TEXT, b"\xf2\x48", fin=False, reserved=4))
    rest = encode_frame(Frame(Opcode.CONTINUATION, b"\xcd\xc9\xc9\x07\0"))
    [(_, _, tokens, _, _)] = lanes([("client", ASK), ("server", agreed + packed), ("server", rest)])
    assert tokens == [(2, "(compressed)")]


def test_a_handshake_that_is_refused_has_a_status_and_other_upgrades_say_nothing():
    refused = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"
    assert lanes([("client", ASK), ("server", refused)]) == [(0, 403, [], "error (status 403)", 1)]
    other = SWITCH.replace(b"WebSocket", b"h2c") + b"\x81\x01x"
    assert lanes([("client", ASK), ("server", other), ("client", "close")]) == [
        (0, 101, [], "cancelled (client left)", 2)
    ]


def block(*fields):
    return hpack.Encoder().encode(fields)


def asks(stream, path="/text"):
    return http2_frame("HEADERS", block((":method", "GET"), (":path", path)), stream, END_HEADERS | END_STREAM)


def answers(stream, flags=0, status="200", kind="text/plain"):
    fields = block((":status", status), ("content-type", kind))
    return http2_frame("HEADERS", fields, stream, END_HEADERS | flags)


def data(stream, content, flags=0):
    return http2_frame("DATA", content, stream, flags)


CONNECTION = [("client", PREFACE + SETTINGS + asks(1)), ("server", SETTINGS + answers(1))]
TRAILERS = block(("x", "y"))
STREAMS = {
    "the last frame of data ends the answer": (
        [("server", data(1, b"a")), ("server", data(1, b"b", END_STREAM))],
        [(0, 200, [(2, "a"), (3, "b")], "complete", 3)],
    ),
    "so does an empty one": ([("server", data(1, b"", END_STREAM))], [(0, 200, [], "complete", 2)]),
    "so do trailers, when their last part has come": (
        [("server", data(1, b"a") + http2_frame("HEADERS", TRAILERS[:1], 1, END_STREAM)),
         ("server", http2_frame("CONTINUATION", TRAILERS[1:], 1, END_HEADERS))],
        [(0, 200, [(2, "a")], "complete", 3)],
    ),
    "streams do not mix": (
        [("client", asks(3)), ("server", data(1, b"a") + answers(3)), ("server", data(3, b"c", END_STREAM)),
         ("server", data(1, b"b", END_STREAM))],
        [(0, 200, [(3, "a"), (5, "b")], "complete", 5), (2, 200, [(4, "c")], "complete", 4)],
    ),
    "the client resets a stream, and not the other": (
        [("client", asks(3)), ("client", http2_frame("RST_STREAM", b"\0\0\0\x08", 1)), ("server", data(1, b"late")),
         ("server", answers(3, END_STREAM))],
        [(0, 200, [], "cancelled (client left)", 3), (2, 200, [], "complete", 5)],
    ),
    "the server resets a stream": (
        [("server", data(1, b"a")), ("server", http2_frame("RST_STREAM", b"\0\0\0\2", 1))],
        [(0, 200, [(2, "a")], "truncated (reset", 3)],
    ),
    "the connection ends": ([("server", "close")], [(0, 200, [], "truncated (cut off)", 2)]),
    "the connection is reset": ([("server", "reset")], [(0, 200, [], "truncated (reset)", 2)]),
    "the client leaves altogether": ([("client", "close")], [(0, 200, [], "cancelled (client left)", 2)]),
    "a frame breaks a rule": ([("server", http2_frame("PING", b"short"))], [(0, 200, [], "truncated (broken", 2)]),
    "an answer that failed": (
        [("client", asks(3)), ("server", answers(3, 0, "503")), ("server", data(3, b"no", END_STREAM))],
        [(0, 200, [], "", None), (2, 503, [], "error (status 503)", 4)],
    ),
    "an interim answer": (
        [("client", asks(3)), ("server", answers(3, 0, "103") + answers(3, END_STREAM))],
        [(0, 200, [], "", None), (2, 200, [], "complete", 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("cut", [None, 1, 2, 7])
@pytest.mark.parametrize("name", STREAMS)
def test_http2_has_a_lane_for_each_stream(name, cut):
    steps, expected = STREAMS[name]
    assert without_reasons(lanes(CONNECTION + steps, cut)) == expected


def test_an_event_stream_over_http2_has_its_tokens_and_its_terminator():
    sse = answers(3, kind="text/event-stream")
    pieces = [data(3, openai("a")[:9]), data(3, openai("a")[9:] + openai("", "stop")), data(3, DONE, END_STREAM)]
    steps = [*CONNECTION, ("client", asks(3, "/chat")), ("server", sse), *(("server", piece) for piece in pieces)]
    assert lanes(steps)[1] == (2, 200, [(5, "a")], "complete", 6)
    without = lanes([*steps[:-1], ("server", data(3, b"", END_STREAM))])
    assert without[1][3] == "truncated (no [DONE])"
    view = events_view(recorded([*CONNECTION, ("server", data(1, b"data: x\n\n", END_STREAM))]))
    view.stop()
    assert "1 event, ending: complete" in str(view.snapshot())


def test_nothing_hostile_becomes_part_of_the_page():
    view = waterfall()
    view.watch(recorded([*HANDSHAKE, asked("prompt", HOSTILE), said("token", HOSTILE, content=HOSTILE)]))
    view.watch(recorded([("client", PREFACE + SETTINGS + asks(1, HOSTILE))]))
    view.stop()
    shown = view.snapshot()
    assert "<script" not in shown.html + shown.picture
    assert "\u202e" not in shown.html + shown.picture + shown.text


def test_what_real_servers_and_clients_say_becomes_lanes():
    asking = {"model": "m", "stream": True, "max_tokens": 6, "messages": [{"role": "user", "content": "?"}]}

    async def three(url):
        async with httpx.AsyncClient(http1=False, http2=True) as client:
            await asyncio.gather(*(client.post(f"{url}/v1/chat/completions", json=asking) for _ in range(3)))

    with serve(openai_api.create_app(model=ScriptedModel(pace=0)), http2=True) as server, tap(server.url) as hop:
        asyncio.run(three(hop.url))
    streams = Timeline(hop.recording).lanes
    assert [(lane.status, len(lane.tokens), lane.told) for lane in streams] == [(200, 6, "length")] * 3

    with (
        serve(websocket_chat.create_app(model=ScriptedModel(pace=0))) as server,
        tap(server.url) as hop,
        connect(f"{hop.url.replace('http', 'ws')}/ws", proxy=None) as socket,
    ):
        for id, limit in ((1, {"max_tokens": 6}), ("two", {})):
            socket.send(json.dumps({"type": "prompt", "id": id, "content": "?", **limit}))
            while json.loads(socket.recv(30))["type"] != "done":
                pass
    first, second = Timeline(hop.recording).lanes
    assert (first.label, len(first.tokens), first.told) == ("tap", 6, "length")
    assert (second.label, second.told) == ("tap #2", "complete")
    assert len(second.tokens) >= 40

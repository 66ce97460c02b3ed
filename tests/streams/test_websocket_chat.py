"""The chat over a WebSocket: the `websockets` clients, Node's, and raw sockets that keep to no rule."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import subprocess
import time

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from course_lib.apps import websocket_chat
from course_lib.endings import classify_ending
from course_lib.errors import MisuseError
from course_lib.grading.loading import node
from course_lib.model import DEFAULT_TEXT, ScriptedModel, tokenize
from course_lib.server import serve
from course_lib.server.websocket import MAX_FRAGMENTS, SEND_QUEUE, WebSocketConnection
from course_lib.wire.http1 import HeadDecoder
from course_lib.wire.websocket import Frame, Opcode, WebSocketDecoder, encode_frame
from tests.streams.peers import eventually

FAST = ScriptedModel(pace=0)
LONG = ScriptedModel("word " * 100_000, pace=0.005)  # many minutes
DEADLINE = 10  # seconds
TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
KEY = b"\x01\x02\x03\x04"
REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
)


@pytest.fixture
def start():
    """`start(model, faults, ...)` serves the app."""
    servers = []

    def start(model=FAST, faults=None, ping=None, max_size=100_000, **options):
        servers.append(serve(websocket_chat.create_app(model, faults, ping, max_size), **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        assert server.last_error is None or "UnicodeDecodeError" in server.last_error  # uvicorn logs that of a client


def address(server):
    return server.url.replace("http", "ws", 1) + "/ws"


@pytest.fixture
def talk(start):
    """`talk(model, ...)` gives (server, a connected client)."""
    with contextlib.ExitStack() as clients:

        def open_(*args, **options):
            server = start(*args, **options)
            return server, clients.enter_context(connect(address(server), open_timeout=DEADLINE))

        yield open_


def tell(client, kind, id=None, **fields):
    client.send(json.dumps({"type": kind, **({} if id is None else {"id": id}), **fields}))


def ask(client, id="1", content="Why stream?", **fields):
    tell(client, "prompt", id, content=content, **fields)


def hear(client):
    return json.loads(client.recv(DEADLINE))


def hear_to(client, *kinds):
    """All messages up to the first of one of these kinds."""
    messages, end = [hear(client)], time.monotonic() + 2 * DEADLINE
    while messages[-1]["type"] not in kinds:
        assert time.monotonic() < end, f"only tokens, and no {kinds}"
        messages.append(hear(client))
    return messages


def hear_all(client):
    """All messages up to the end of the connection, and its close frame (None when there was none)."""
    messages = []
    while True:
        try:
            messages.append(hear(client))
        except ConnectionClosed as closed:
            return messages, closed.rcvd


def text(messages):
    return "".join(message["content"] for message in messages if message["type"] == "token")


class Raw:
    """A peer on a bare socket, behind a correct handshake; it reads only when it is told to."""

    def __init__(self, sock, origin=()):
        self.sock, self.decoder, self.frames = sock, WebSocketDecoder(10**8, masked=False), []
        fields = b"".join(b"Origin: %s\r\n" % value for value in origin)
        sock.sendall(REQUEST % fields)
        decoder = HeadDecoder()
        while not decoder.done:
            data = sock.recv(1)
            assert data, "no answer to the handshake"
            heads = decoder.feed(data)
        self.head = heads[0]

    def send(self, *frames):
        self.sock.sendall(b"".join(encode_frame(frame) for frame in frames))

    def say(self, **message):
        self.send(Frame(Opcode.TEXT, json.dumps(message).encode(), mask=KEY))

    def read(self):
        """The next frame; None at the end of the connection."""
        while not self.frames:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)

    def read_to(self, opcode):
        """The next frame of this kind."""
        end = time.monotonic() + 2 * DEADLINE
        while (frame := self.read()) is not None and frame.opcode is not opcode:
            assert time.monotonic() < end, f"no {opcode.name} comes"
        assert frame is not None, f"the connection ended without a {opcode.name}"
        return frame

    def read_to_close(self):
        """The close frame, which must come and be followed by a FIN."""
        frame = self.read_to(Opcode.CLOSE)
        assert self.read() is None
        return frame


@pytest.fixture
def raw(start, dial):
    """`raw(model, ...)` gives (server, Raw); origin: values of Origin headers."""

    def open_(*args, origin=(), small=False, **options):
        server = start(*args, **options)
        sock = dial(server.url)
        sock.settimeout(DEADLINE)
        return server, Raw(sock, origin)

    return open_


def buffered(server):
    """Bytes that wait in the server for readers."""
    return sum(one.transport.get_write_buffer_size() for one in list(server._uvicorn.server_state.connections))


@pytest.mark.parametrize("http", ["h11", "httptools", "zttp"])
def test_a_prompt_is_answered_token_by_token_and_done_says_what_it_cost(talk, http):
    server, client = talk(http=http)
    ask(client, "a", "Why stream?")
    messages = hear_to(client, "done")
    tokens = FAST.tokens()
    assert messages[:-1] == [{"type": "token", "id": "a", "content": token} for token in tokens]
    count, asked = len(tokens), len(tokenize("Why stream?"))
    assert messages[-1] == {
        "type": "done",
        "id": "a",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": asked, "completion_tokens": count, "total_tokens": asked + count},
    }
    assert server.stats == {"connections": 1, "streams": 1, "generations": 0}


def test_a_connection_carries_many_answers_and_ids_may_be_numbers(talk):
    _, client = talk()
    for id in ("a", 7, "a", ""):
        ask(client, id, max_tokens=2)
        messages = hear_to(client, "done")
        assert {message["id"] for message in messages} == {id}
        assert messages[-1]["finish_reason"] == "length"
        assert classify_ending(messages, vocabulary="websocket_chat") == "length"


def test_over_tls_it_is_the_same(start):
    server = start(tls=True)
    trust = ssl.create_default_context(cafile=server.ca_file)
    with connect(address(server), ssl=trust, open_timeout=DEADLINE) as client:
        ask(client)
        assert text(hear_to(client, "done")) == DEFAULT_TEXT


@pytest.mark.parametrize("faults", [None, "stall@3:1000s", "slow_start:1000s"])
def test_a_cancel_is_heard_while_the_answer_is_sent_and_while_it_stalls(talk, faults):
    server, client = talk(LONG, faults)
    ask(client, "a")
    for _ in range(3 if faults != "slow_start:1000s" else 0):
        assert hear(client)["type"] == "token"
    assert eventually(lambda: server.stats["generations"] == 1)
    tell(client, "cancel", "a")
    assert hear_to(client, "cancelled")[-1] == {"type": "cancelled", "id": "a"}
    assert server.stats["generations"] == 0
    ask(client, "b", max_tokens=2)
    if faults is None:
        assert {message["id"] for message in hear_to(client, "done")} == {"b"}  # nothing of "a" comes any more


def test_many_cancels_at_random_moments_never_let_a_token_through(talk):
    server, client = talk(ScriptedModel("a b c d e f", pace=0))
    for number in range(200):
        ask(client, number)
        for _ in range(number % 5):
            hear(client)
        tell(client, "cancel", number)
        ended, last = hear_to(client, "cancelled", "done"), None
        if ended[-1]["type"] == "done":
            last = hear(client)
            assert (last["type"], last["id"]) == ("error", number)  # there was nothing left to cancel
    ask(client, "end")
    assert {message["id"] for message in hear_to(client, "done")} == {"end"}
    assert server.stats["generations"] == 0


def test_the_asyncio_client_reads_and_writes_at_the_same_time(start):
    server = start(LONG)

    async def chat():
        async with connect_async(address(server)) as client:
            await client.send(json.dumps({"type": "prompt", "id": "a", "content": "?"}))
            seen = []
            async for message in client:
                seen.append(json.loads(message))
                if len(seen) == 5:
                    await client.send(json.dumps({"type": "cancel", "id": "a"}))
                if seen[-1]["type"] == "cancelled":
                    return seen

    seen = asyncio.run(asyncio.wait_for(chat(), DEADLINE))
    assert classify_ending(seen, vocabulary="websocket_chat") == "cancelled"
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


NODE = """
const socket = new WebSocket(process.argv[1]);
const send = message => socket.send(JSON.stringify(message));
let count = 0;
socket.onopen = () => send({type: "prompt", id: "n", content: "?"});
socket.onmessage = event => {
    const message = JSON.parse(event.data);
    if (message.type === "token" && ++count === 3) send({type: "cancel", id: "n"});
    if (message.type === "cancelled") { console.log(message.id, count >= 3); socket.close(1000, "enough"); }
};
socket.onclose = event => console.log(event.code, event.wasClean);
"""


def test_the_websocket_of_node_cancels_too(start):
    server = start(LONG)
    command = [node(), "-e", NODE, address(server)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["n", "true", "1000", "true"]


@pytest.mark.parametrize("faults", [None, "stall@3:1000s*1"])
def test_a_new_prompt_replaces_the_answer_that_runs(talk, faults):
    server, client = talk(LONG, faults)
    ask(client, "a")
    hear(client)
    ask(client, "b", max_tokens=3)
    before = hear_to(client, "cancelled")
    assert {message["id"] for message in before} == {"a"}
    assert [message["id"] for message in hear_to(client, "done")] == ["b"] * 4
    assert server.stats["generations"] == 0


def test_an_answer_waits_in_its_middle_for_the_result_of_a_tool(talk):
    server, client = talk()
    ask(client, "t", tools=[{"type": "function", "function": TOOL}], tool_choice="required")
    *first, call = hear_to(client, "tool_call")
    assert call == {"type": "tool_call", "id": "t", "name": "weather", "arguments": FAST.arguments(TOOL["parameters"])}
    assert 0 < len(first) < len(FAST.tokens())
    client.send("no JSON")
    assert hear(client)["type"] == "error"  # the next message: the answer waits
    assert server.stats["generations"] == 1
    tell(client, "tool_result", "t", content="12 degrees")
    *rest, done = hear_to(client, "done")
    assert text(first + rest) == DEFAULT_TEXT
    asked = len(tokenize("Why stream?")) + len(tokenize("12 degrees"))
    assert done["usage"]["prompt_tokens"] == asked


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({"tools": [TOOL]}, "weather"),
        ({"tools": [TOOL, {"name": "clock"}], "tool_choice": {"type": "function", "name": "clock"}}, "clock"),
        ({"tools": [TOOL, {"name": "c"}], "tool_choice": {"type": "function", "function": {"name": "c"}}}, "c"),
        ({"tools": [TOOL], "tool_choice": "none"}, None),
        ({"tools": []}, None),
    ],
)
def test_which_tool_is_called(talk, fields, called):
    _, client = talk()
    ask(client, **fields)
    message = hear_to(client, "tool_call", "done")[-1]
    assert message.get("name") == called


def test_while_a_tool_works_the_answer_can_be_cancelled_or_replaced(talk):
    server, client = talk()
    ask(client, "a", tools=[TOOL])
    hear_to(client, "tool_call")
    ask(client, "b", tools=[TOOL])
    assert hear(client) == {"type": "cancelled", "id": "a"}
    hear_to(client, "tool_call")
    tell(client, "tool_result", "a", content="too late")
    assert hear(client)["id"] == "a"
    tell(client, "cancel", "b")
    assert hear(client) == {"type": "cancelled", "id": "b"}
    tell(client, "tool_result", "b", content="too late")
    assert (hear(client)["type"], server.stats["generations"]) == ("error", 0)


BAD = [
    *("", "no JSON", "[]", '"prompt"', "5", "null", "{", "{}", "[" * 50_000, '{"type": "prompt", "id": NaN}'),
    *(b"binary", b"", b'{"type": "prompt", "id": "x", "content": "?"}', "\0", '{"type": "prompt"}'),
    *('{"type": 5, "id": "x"}', '{"type": null}', '{"type": "token", "id": "x"}', '{"type": ["prompt"], "id": "x"}'),
    *(f'{{"type": "prompt", "id": {id}, "content": "?"}}' for id in ("null", "true", "1.5", "[]", "{}", '"\\ud800"')),
    *(f'{{"type": "prompt", "id": "x", "content": {content}}}' for content in ("5", "null", "[]", '"\\udfff"')),
    *(f'{{"type": "prompt", "id": "x", "content": "?", "max_tokens": {n}}}' for n in ("0", "-1", '"5"', "1e3", "true")),
    *(f'{{"type": "prompt", "id": "x", "content": "?", "tools": {t}}}' for t in ("5", "[5]", "[{}]", '[{"name": 1}]')),
    '{"type": "prompt", "id": "x", "content": "?", "tools": [{"name": "f", "parameters": 5}]}',
    '{"type": "prompt", "id": "x", "content": "?", "tools": [{"name": "f"}], "tool_choice": {"name": "g"}}',
    '{"type": "prompt", "id": "x", "content": "?", "tools": [{"name": "f"}], "tool_choice": "maybe"}',
    '{"type": "cancel", "id": "x"}',
    '{"type": "cancel"}',
    '{"type": "tool_result", "id": "x", "content": "?"}',
    '{"type": "prompt", "id": "x", "content": "%s"}' % ("y" * 100_000),
    '{"type": "prompt", "id": "x", "content": "%s"}' % ("é" * 60_000),
]


def test_a_message_that_is_wrong_is_answered_with_an_error_and_survived(talk):
    _, client = talk()
    for message in BAD:
        client.send(message)
        answer = hear(client)
        assert (answer["type"], answer["code"]) == ("error", "invalid_request_error"), message
        assert answer.get("id") in (None, "x")
        assert len(answer["message"]) > 10
    ask(client)
    assert text(hear_to(client, "done")) == DEFAULT_TEXT


@pytest.mark.parametrize(
    ("message", "id"),
    [
        ({"type": "prompt", "id": "x", "content": 5}, "x"),
        ({"type": "cancel", "id": 5}, 5),
        ({"type": "nonsense", "id": "x"}, "x"),
        ({"type": "prompt", "id": True, "content": "?"}, None),
        ({"type": "prompt", "content": "?"}, None),
    ],
)
def test_an_error_carries_the_id_when_it_is_known(talk, message, id):
    _, client = talk()
    client.send(json.dumps(message))
    assert hear(client).get("id") == id


def test_a_bad_message_disturbs_no_answer_that_runs(talk):
    _, client = talk(LONG)
    ask(client, "a")
    hear(client)
    runs, other, unknown = ("a", "still_running"), ("b", "invalid_request_error"), (None, "invalid_request_error")
    for message, told in (
        ({"type": "prompt", "id": "a", "content": "again"}, runs),
        ({"type": "tool_result", "id": "a", "content": "nobody asked"}, runs),
        ({"type": "nonsense", "id": "a"}, runs),
        ({"type": "cancel", "id": "b"}, other),
        ("?", unknown),
    ):
        client.send(json.dumps(message))
        error = hear_to(client, "error")[-1]
        assert (error.get("id"), error["code"]) == told
    assert hear(client)["type"] == "token"


def test_a_message_far_over_the_limit_ends_the_connection(talk):
    server, client = talk(max_size=1000)
    client.send("x" * 4001)
    assert hear_all(client)[1].code == 1009
    assert eventually(lambda: server.stats["connections"] == 0)


ORIGINS = {
    **dict.fromkeys([b"http://127.0.0.1:8888", b"https://localhost", b"http://[::1]:5173", b"http://LocalHost:1"], 101),
    **dict.fromkeys([b"null", b"", b"http://evil.example", b"http://127.0.0.1.evil.example", b"file://"], 403),
    **dict.fromkeys([b"http://localhost@evil.example", b"http://evil.example/http://localhost", b"localhost"], 403),
    **dict.fromkeys([b"http://localhost:8888/", b"chrome-extension://localhost", b"http://127.0.0.1:x"], 403),
    **dict.fromkeys([b"http://192.168.0.7", b"http://localhost http://evil.example", b"http://[::1].x"], 403),
}


@pytest.mark.parametrize(("origin", "status"), ORIGINS.items())
def test_pages_of_this_machine_may_come_and_no_others(raw, origin, status):
    server, peer = raw(origin=(origin,))
    assert peer.head.status == status
    assert eventually(lambda: server.stats["streams"] == (status == 101))


def test_two_origins_are_one_too_many_and_none_is_no_browser(raw):
    assert raw(origin=(b"http://localhost", b"http://evil.example"))[1].head.status == 400
    assert raw()[1].head.status == 101


def test_an_origin_may_have_the_name_that_the_server_was_given(start):
    server = start(hosts=["course.example"])
    with connect(address(server), origin="https://course.example") as client:
        ask(client, max_tokens=1)
        hear_to(client, "done")
    with pytest.raises(InvalidStatus) as refused:
        connect(address(server), origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_other_paths_and_plain_requests_are_not_found(start):
    server = start()
    with pytest.raises(InvalidStatus):
        connect(address(server) + "/x")
    assert httpx.get(f"{server.url}/ws").status_code == 404


@pytest.fixture
def patient(monkeypatch):
    """Servers wait long for pongs, however often they ping: a busy machine may be late with one."""
    configure = WebSocketConnection.configure

    def configured(connection, **options):
        configure(connection, **options)
        connection.ping_timeout = DEADLINE

    monkeypatch.setattr(WebSocketConnection, "configure", configured)


def test_the_server_pings_and_goes_on_while_it_is_answered(raw, patient):
    _, peer = raw(ping=0.05)
    for _ in range(3):
        ping = peer.read()
        assert ping.opcode is Opcode.PING
        peer.send(Frame(Opcode.PONG, ping.payload, mask=KEY))
    peer.say(type="prompt", id="a", content="?", max_tokens=1)
    while (frame := peer.read()).opcode is not Opcode.TEXT:
        peer.send(Frame(Opcode.PONG, frame.payload, mask=KEY))
    assert b"Streaming" in frame.payload


@pytest.mark.parametrize("answered", [b"", b"something else"])
def test_a_client_that_does_not_answer_pings_is_dropped_and_its_answer_stopped(raw, answered):
    server, peer = raw(LONG, ping=0.1)
    peer.say(type="prompt", id="a", content="?")
    if answered:
        peer.send(Frame(Opcode.PONG, answered, mask=KEY))
    assert peer.read_to_close().close_code == 1011
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


def test_the_clients_answer_pings_by_themselves_while_they_are_read(talk, patient):
    server, client = talk(LONG, ping=0.05)
    ask(client)
    (connection,) = server._uvicorn.server_state.connections
    assert eventually(lambda: hear(client) and connection.last_ping_rtt > 0)


def test_pings_of_a_client_are_answered_in_the_middle_of_an_answer(raw, talk):
    _, peer = raw(LONG)
    peer.say(type="prompt", id="a", content="?")
    assert peer.read().opcode is Opcode.TEXT
    peer.send(Frame(Opcode.PING, b"are you there?", mask=KEY))
    assert peer.read_to(Opcode.PONG).payload == b"are you there?"
    _, client = talk()
    assert client.ping().wait(DEADLINE)


BIG = ScriptedModel("x" * 10_000 + (" " + "y" * 9_999) * 3_000, pace=0)  # 30 MB, more than kernels hold
BOUND = SEND_QUEUE + 10_100  # and one message


def stuck(server):
    """Wait until the answer stands still because nobody reads."""
    (connection,), same = server._uvicorn.server_state.connections, [0]

    def still():
        size = buffered(server)
        if connection.writable.is_set() or size != same[-1]:
            same.clear()
        same.append(size)
        return len(same) > 20

    assert eventually(still)


def test_for_a_client_that_does_not_read_the_answer_waits_and_memory_is_bounded(raw):
    server, peer = raw(BIG)
    peer.say(type="prompt", id="a", content="?")
    stuck(server)
    assert 0 < buffered(server) <= BOUND
    tokens = 0
    while b'"done"' not in (frame := peer.read()).payload[:16]:
        tokens += 1
        assert buffered(server) <= BOUND
    assert json.loads(frame.payload)["usage"]["completion_tokens"] == tokens == len(BIG.tokens())


def test_a_cancel_is_heard_although_its_sender_does_not_read(raw):
    server, peer = raw(BIG)
    peer.say(type="prompt", id="a", content="?")
    stuck(server)
    peer.say(type="cancel", id="a")
    assert eventually(lambda: server.stats["generations"] == 0)
    while b'"token"' in (frame := peer.read()).payload[:18]:
        pass
    assert json.loads(frame.payload) == {"type": "cancelled", "id": "a"}


def test_of_pings_of_a_client_that_does_not_read_the_last_is_answered_once(raw):
    server, peer = raw(BIG)
    peer.say(type="prompt", id="a", content="?")
    stuck(server)
    pings = b"".join(encode_frame(Frame(Opcode.PING, b"%05d" % n + b"p" * 120, mask=KEY)) for n in range(20_000))
    peer.sock.sendall(pings + encode_frame(Frame(Opcode.TEXT, b"?", mask=KEY)))
    (connection,) = server._uvicorn.server_state.connections
    assert eventually(lambda: connection._late_pong[2:7] == b"19999")
    assert buffered(server) <= BOUND
    pongs = []
    while b'"done"' not in (frame := peer.read()).payload[:16]:
        if frame.opcode is Opcode.PONG:
            pongs.append(frame.payload[:5])
            stuck(server)
    assert pongs == [b"19999"]


@pytest.mark.parametrize("leave", ["close", "fin", "reset"])
@pytest.mark.parametrize("state", ["idle", "busy", "stalled", "tool"])
def test_whoever_leaves_stops_the_answer_at_once(raw, leave, state):
    server, peer = raw(LONG, "stall@2:1000s" if state == "stalled" else None)
    tools = {"tools": [TOOL]} if state == "tool" else {}
    if state != "idle":
        peer.say(type="prompt", id="a", content="?", **tools, max_tokens=2 if tools else 10**6)
        peer.read()
        assert eventually(lambda: server.stats["generations"] == 1)
    if leave == "close":
        peer.send(Frame(Opcode.CLOSE, (1001).to_bytes(2) + b"bye", mask=KEY))
    elif leave == "fin":
        peer.sock.shutdown(socket.SHUT_WR)
    else:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})
    if leave == "close":
        assert peer.read_to_close().payload == (1001).to_bytes(2) + b"bye"


def test_whoever_leaves_in_the_handshake_is_no_error_of_the_server(start, dial):
    server = start()
    for _ in range(20):
        sock = dial(server.url)
        sock.sendall(REQUEST % b"")
        sock.shutdown(socket.SHUT_WR)
        sock.close()
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


@pytest.mark.parametrize(
    "leave", ["close", "fin", "cancel and fin", "cancel and close", "cancel and nonsense", "silence"]
)
def test_whoever_leaves_without_reading_stops_the_answer_and_leaves_nothing(raw, leave):
    server, peer = raw(BIG, ping=1.5 if leave == "silence" else None)
    peer.say(type="prompt", id="a", content="?")
    assert eventually(lambda: server.stats["generations"] == 1)
    if leave != "silence":
        stuck(server)
    if leave.startswith("cancel"):
        peer.say(type="cancel", id="a")  # it is this that cannot be answered now
        assert eventually(lambda: server.stats["generations"] == 0)
    if leave.endswith("close"):
        peer.send(Frame(Opcode.CLOSE, mask=KEY))
    elif leave.endswith("fin"):
        peer.sock.shutdown(socket.SHUT_WR)
    elif leave.endswith("nonsense"):
        peer.sock.sendall(b"\xff\xff")
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


def test_an_answer_that_is_cut_has_no_close_frame_and_one_that_is_reset_not_even_a_fin(raw):
    for fault, ending in (("cut@3", None), ("reset@3", ConnectionResetError)):
        server, peer = raw(faults=fault)
        peer.say(type="prompt", id="a", content="?")
        assert [json.loads(peer.read().payload)["content"] for _ in range(3)] == FAST.tokens()[:3]
        with contextlib.nullcontext() if ending is None else pytest.raises(ending):
            assert peer.read() is None
        assert not peer.decoder.done
        assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})  # noqa: B023


@pytest.mark.parametrize(("fault", "code"), [("cut@3", None), ("reset@3", None), ("truncate@3", 1000)])
def test_a_client_sees_a_lost_connection_or_a_normal_end_without_done(talk, fault, code):
    _, client = talk(faults=fault)
    ask(client)
    seen, close = hear_all(client)
    assert (close and close.code) == code
    assert text(seen) == "".join(FAST.tokens()[:3])
    assert classify_ending(seen, vocabulary="websocket_chat") == "truncated"


def test_a_loop_over_messages_ends_quietly_on_code_1000_although_done_is_missing(talk):
    _, client = talk(faults="truncate@3")
    ask(client)
    assert [json.loads(message)["type"] for message in client] == ["token"] * 3


def test_a_model_that_fails_says_so_with_the_id_and_the_connection_goes_on(talk):
    _, client = talk(faults="error@3*1")
    ask(client, "a")
    messages = hear_to(client, "error", "done")
    assert len(messages) == 4
    assert (messages[-1]["id"], messages[-1]["code"]) == ("a", "server_error")
    assert classify_ending(messages, vocabulary="websocket_chat") == "error"
    ask(client, "b")
    assert text(hear_to(client, "error", "done")) == DEFAULT_TEXT


def test_garble_is_a_message_that_is_no_json(talk):
    _, client = talk(faults="garble@2")
    ask(client, max_tokens=4)
    messages = [client.recv(DEADLINE) for _ in range(5)]
    with pytest.raises(json.JSONDecodeError):
        json.loads(messages[2])
    assert [json.loads(message)["type"] for message in messages[:2] + messages[3:]] == ["token"] * 3 + ["done"]


def test_a_stall_delays_and_a_slow_start_too(talk):
    _, client = talk(faults="slow_start:300ms, stall@2:300ms")
    start = time.monotonic()
    ask(client, max_tokens=3)
    hear_to(client, "done")
    assert time.monotonic() - start >= 0.6


def test_a_status_refuses_the_handshake_as_often_as_the_plan_says(start):
    server = start(faults="status@0:503*1")
    with pytest.raises(InvalidStatus) as refused, connect(address(server)):
        pass
    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
    with connect(address(server)) as client:
        ask(client, max_tokens=1)
        hear_to(client, "done")


@pytest.mark.parametrize(("place", "called"), [(3, False), (20, True), (30, True)])
def test_faults_have_their_places_also_when_a_tool_is_called(talk, place, called):
    _, client = talk(faults=f"error@{place}")
    ask(client, tools=[TOOL])
    messages = hear_to(client, "tool_call", "error")
    assert (messages[-1]["type"] == "tool_call") == called
    if called:
        assert len(messages) == 21
        tell(client, "tool_result", "1", content="ok")
        messages += hear_to(client, "error")
    assert sum(message["type"] == "token" for message in messages) == place


@pytest.mark.parametrize("faults", [None, "stall@2:1000s"])
def test_a_server_that_stops_says_going_away(talk, faults):
    server, client = talk(LONG, faults)
    ask(client)
    hear(client)
    server.stop()
    assert hear_all(client)[1].code == 1001
    assert server.stats == {"connections": 0, "streams": 0, "generations": 0}


@pytest.mark.parametrize("leave", ["", "close"])
def test_a_server_stops_although_clients_do_not_read(raw, leave):
    server, peer = raw(BIG)
    peer.say(type="prompt", id="a", content="?")
    stuck(server)
    if leave:
        peer.send(Frame(Opcode.CLOSE, mask=KEY))
        assert eventually(lambda: server.stats["generations"] == 0)
    server.stop()
    assert server.stats == {"connections": 0, "streams": 0, "generations": 0}


VIOLATIONS = {
    "not masked": (b"\x81\x02hi", 1002),
    "reserved bits": (b"\xc1\x80" + KEY, 1002),
    "an unknown opcode": (b"\x83\x80" + KEY, 1002),
    "a continuation of nothing": (b"\x80\x80" + KEY, 1002),
    "a fragmented ping": (b"\x09\x80" + KEY, 1002),
    "a long ping": (b"\x89\xfe\x00\x7e" + KEY + b"x" * 126, 1002),
    "a close code of one byte": (b"\x88\x81" + KEY + b"x", 1002),
    "text that is not UTF-8": (
        encode_frame(Frame(Opcode.BINARY, b"\xff", mask=KEY)).replace(b"\x82", b"\x81", 1),
        1007,
    ),
    "too many empty fragments": (
        encode_frame(Frame(Opcode.TEXT, b"", fin=False, mask=KEY))
        + encode_frame(Frame(Opcode.CONTINUATION, b"", fin=False, mask=KEY)) * (MAX_FRAGMENTS + 5),
        1009,
    ),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_whoever_breaks_the_protocol_is_told_why_and_the_answer_stops(raw, violation):
    data, code = VIOLATIONS[violation]
    server, peer = raw(LONG)
    peer.say(type="prompt", id="a", content="?")
    peer.read()
    peer.sock.sendall(data)
    assert peer.read_to_close().close_code == code
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})


def test_a_message_in_fragments_with_a_ping_between_them_is_one_message(raw):
    _, peer = raw()
    message = json.dumps({"type": "prompt", "id": "é", "content": "?", "max_tokens": 1}, ensure_ascii=False).encode()
    parts = [message[n : n + 1] for n in range(len(message))]
    peer.send(Frame(Opcode.TEXT, parts[0], fin=False, mask=KEY))
    for part in parts[1:-1]:
        peer.send(Frame(Opcode.CONTINUATION, part, fin=False, mask=KEY), Frame(Opcode.PING, b"?", mask=KEY))
    peer.send(Frame(Opcode.CONTINUATION, parts[-1], mask=KEY))
    assert json.loads(peer.read_to(Opcode.TEXT).payload) == {"type": "token", "id": "é", "content": "Streaming"}


class Broken(ScriptedModel):
    def steps(self, max_tokens=None):
        raise RuntimeError("a secret")


def test_a_bug_in_a_model_ends_the_connection_and_is_kept_for_the_server_alone(dial):
    with serve(websocket_chat.create_app(Broken())) as server:
        raw = dial(server.url)
        peer = Raw(raw)
        peer.say(type="prompt", id="a", content="?")
        seen = b""
        while data := raw.recv(65536):
            seen += data
        assert b"secret" not in seen
        assert "a secret" in server.last_error
        assert server.stats["generations"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"ping": 0},
        {"ping": "20"},
        {"model": "Hi"},
        {"max_size": 0},
        {"max_size": 1.5},
        {"faults": "split:1"},
        {"faults": "x"},
    ],
)
def test_impossible_settings_are_misuse(wrong):
    with pytest.raises(MisuseError):
        websocket_chat.create_app(**wrong)


def test_sixty_chats_at_once_keep_their_answers_apart(start):
    server = start(ScriptedModel(pace=0.001))

    async def one(id):
        async with connect_async(address(server)) as client:
            await client.send(json.dumps({"type": "prompt", "id": id, "content": "?"}))
            return [json.loads(await client.recv()) for _ in range(len(FAST.tokens()) + 1)]

    async def everybody():
        return await asyncio.gather(*map(one, range(60)))

    for id, messages in enumerate(asyncio.run(asyncio.wait_for(everybody(), 60))):
        assert {message["id"] for message in messages} == {id}
        assert text(messages) == DEFAULT_TEXT
    assert eventually(lambda: server.stats == {"connections": 0, "streams": 0, "generations": 0})

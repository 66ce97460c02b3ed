"""The view of a WebSocket: what stands in the table and in the picture is what crossed the connection."""

import re

import pytest

from course_lib.recording import Recording
from course_lib.views import websocket_view
from course_lib.views.log import LIMIT
from course_lib.views.websocket import ABNORMAL, ARROWS, Conversation, picture
from course_lib.wire.websocket import Frame, Opcode, encode_frame
from tests.views.recordings import HOSTILE, head

KEY = b"\x01\x02\x03\x04"
REQUEST = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nOrigin: http://a\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
COMPRESSED = SWITCH[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"


def text(data, mask=b"", **fields):
    return encode_frame(Frame(Opcode.TEXT, data, mask=mask, **fields))


def shut(code, mask=b""):
    return encode_frame(Frame(Opcode.CLOSE, code.to_bytes(2), mask=mask))


@pytest.fixture
def recording():
    recording = Recording("talk")
    recording.add(0.0, 0, "client", kind="open")
    recording.add(0.1, 0, "client", REQUEST)
    recording.add(0.2, 0, "server", SWITCH + text(b"hello")[:3])
    recording.add(0.3, 0, "server", text(b"hello")[3:] + text(b"he", fin=False))
    return recording


def shown(recording):
    return picture(recording.title, Conversation(recording).seen)


def told(recording):
    """(side, what, what it says) of all that was seen."""
    return [(one.side, one.what, one.told) for one in Conversation(recording).seen]


def test_the_table_tells_each_frame_with_its_time_its_sender_and_its_bits(recording):
    recording.add(0.4, 0, "client", text(b"hi", KEY) + shut(1000, KEY))
    recording.add(0.5, 0, "server", encode_frame(Frame(Opcode.CONTINUATION, b"y")) + shut(1000))
    recording.add(0.6, 0, "server", kind="close")
    assert shown(recording).text.splitlines() == [
        "talk: 2 frames from the client, 4 from the server",
        "seconds  from    what          bytes  bits          what it says",
        "0.100    client  request                            GET /ws HTTP/1.1 | origin: http://a | upgrade: websocket",
        "0.200    server  response                           HTTP/1.1 101 Switching Protocols | upgrade: websocket",
        "0.300    server  text          7                    'hello'",
        "0.300    server  text          4      more follows  'he'",
        "0.400    client  text          8      masked        'hi'",
        "0.400    client  close         8      masked        1000 normal closure",
        "0.500    server  continuation  3                    'y'",
        "0.500    server  close         4                    1000 normal closure",
        "0.600    server  (FIN)",
    ]


@pytest.mark.parametrize(("kind", "name"), [("close", "(FIN)"), ("reset", "(RST)")])
def test_an_end_without_a_close_frame_is_called_abnormal(recording, kind, name):
    recording.add(0.5, 0, "server", kind=kind)
    assert told(recording)[-1] == ("server", name, ABNORMAL)


def test_a_refused_handshake_is_shown_and_its_body_is_not(recording):
    other = Recording()
    other.add(0.1, 0, "client", REQUEST)
    other.add(0.2, 0, "server", head(b"content-length: 2", status=b"403 Forbidden") + b"no")
    other.add(0.3, 0, "server", b"more")
    other.add(0.3, 0, "client", text(b"too early", KEY))
    other.add(0.4, 0, "server", kind="close")
    assert [entry[1:] for entry in told(other)[1:]] == [("response", "HTTP/1.1 403 Forbidden"), ("(FIN)", "")]


def test_what_is_no_websocket_is_named_and_what_came_before_it_stays(recording):
    recording.add(0.4, 0, "client", text(b"hi", KEY) + text(b"not masked"))
    recording.add(0.5, 0, "client", text(b"never seen", KEY))
    recording.add(0.6, 0, "server", b"\x80\x00" + text(b"still seen"))
    sides = [(side, what) for side, what, _ in told(recording)]
    assert sides[-4:] == [("client", "text"), ("client", "(broken)"), ("server", "continuation"), ("server", "text")]
    assert "not masked" in told(recording)[-3][2]
    broken = Recording()
    broken.add(0.1, 0, "client", b"\x16\x03\x01 TLS\r\n\r\n")
    assert "TLS" in told(broken)[0][2]


def test_compressed_frames_are_called_so_when_that_was_agreed_on_and_a_violation_else():
    frame = Frame(Opcode.TEXT, b"\xf2\x48", reserved=4)
    for answer, what in ((COMPRESSED, "text"), (SWITCH, "(broken)")):
        recording = Recording()
        recording.add(0.1, 0, "client", REQUEST)
        recording.add(0.2, 0, "server", answer + encode_frame(frame))
        assert told(recording)[-1][1] == what
    assert "compressed" not in shown(recording).text
    assert Conversation(recording).of("server") == []


def test_the_picture_has_an_arrow_for_each_of_them_and_says_what_is_left_out(recording):
    for number in range(LIMIT):
        recording.add(1 + number, 0, "client", text(b"%d" % number, KEY))
    drawn = shown(recording)
    assert drawn.picture.count("<g ") == ARROWS
    assert f"{LIMIT + 4 - ARROWS} more left out" in drawn.picture
    assert drawn.text.splitlines()[-1].split() == ["…", "4", "more"]


def test_nothing_hostile_becomes_part_of_the_page(recording):
    recording.add(0.4, 0, "server", encode_frame(Frame(Opcode.CONTINUATION)) + text(HOSTILE.encode()))
    drawn = shown(recording)
    assert "<script" not in drawn.html + drawn.picture
    assert not re.search("[\x00\u202e]", drawn.text + drawn.html + drawn.picture)


def test_several_connections_are_told_apart(recording):
    recording.add(0.5, 1, "client", REQUEST)
    assert "#1 client  request" in shown(recording).text
    conversation = Conversation(recording)
    assert len(conversation.of("server", 0)) == 2
    assert conversation.of("server", 1) == []


def test_a_view_follows_a_recording_that_grows_byte_by_byte(recording):
    grown = Recording()
    view = websocket_view(grown)
    assert repr(view) == "<WebSocket of a recording, live>"
    conversation = Conversation(grown)
    for chunk in recording.chunks:
        for byte in chunk.data:
            grown.add(chunk.at, 0, chunk.side, bytes([byte]))
            conversation.update()
    assert [(one.side, one.what, one.told) for one in conversation.seen] == told(recording)
    assert "0 frames from the client, 2 from the server" in str(view.snapshot())
    view.stop()

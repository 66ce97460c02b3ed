"""The frames view: what stands in the table and in the picture is what crossed the connection."""

import re

import hpack
import pytest

from course_lib.recording import Recording
from course_lib.views import http2_view
from course_lib.views.http2 import LANES, Frames, picture
from course_lib.views.log import LIMIT
from course_lib.wire.http2 import PREFACE
from tests.strategies import http2_frame
from tests.views.recordings import HOSTILE

SETTINGS = http2_frame("SETTINGS")


def block(*fields):
    encoder = hpack.Encoder()
    return encoder.encode([(name, value.encode("utf-8")) for name, value in fields])


ASKED = http2_frame("HEADERS", block((":method", "GET"), (":path", "/text")), 1, 5)
ANSWERED = http2_frame("HEADERS", block((":status", "200")), 1, 4)


@pytest.fixture
def conversation():
    recording = Recording("talk")
    recording.add(0.0, 0, "client", kind="open")
    recording.add(0.1, 0, "client", PREFACE + SETTINGS + ASKED)
    recording.add(0.2, 0, "server", SETTINGS + ANSWERED)
    recording.add(0.3, 0, "server", http2_frame("DATA", b"hel", 1)[:-1])
    recording.add(0.4, 0, "server", b"l" + http2_frame("DATA", b"lo", 1))
    recording.add(0.5, 0, "client", http2_frame("RST_STREAM", b"\0\0\0\x08", 1))
    recording.add(0.6, 0, "client", kind="close")
    return recording


def shown(recording):
    return picture(recording.title, Frames(recording).seen)


def test_the_table_tells_each_frame_with_its_time_its_sender_and_its_stream(conversation):
    assert shown(conversation).text.splitlines() == [
        "talk: 8 frames, 1 stream",
        "seconds  from    stream  frame       flags                   what it says",
        "0.100    client  0       preface                             24 bytes",
        "0.100    client  0       SETTINGS",
        "0.100    client  1       HEADERS     END_HEADERS END_STREAM  :method GET, :path /text",
        "0.200    server  0       SETTINGS",
        "0.200    server  1       HEADERS     END_HEADERS             :status 200",
        "0.400    server  1       DATA                                3 bytes b'hel'",
        "0.400    server  1       DATA                                2 bytes b'lo'",
        "0.500    client  1       RST_STREAM                          CANCEL",
        "0.600    client          (FIN)",
    ]


def test_the_picture_has_a_lane_for_the_connection_and_for_each_stream(conversation):
    drawing = shown(conversation).picture
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert [text for text in texts if text.startswith(("connection", "stream"))] == ["connection", "stream 1"]
    assert "GET /text" in texts
    assert texts.count("client") == texts.count("server") == 2


def test_a_view_follows_a_recording_that_grows():
    recording = Recording()
    frames = Frames(recording)
    view = http2_view(recording)
    assert str(view.snapshot()).startswith("0 frames, 0 streams")
    assert repr(view) == "<frames of a recording, live>"
    for at, byte in enumerate(PREFACE + SETTINGS + ASKED):
        recording.add(at / 1000, 0, "client", bytes([byte]))
        frames.update()
    assert [frame.type for frame in frames.of("client")] == ["preface", "SETTINGS", "HEADERS"]
    assert frames.of("server") == []
    assert str(view.snapshot()).startswith("3 frames, 1 stream\n")
    view.stop()


def test_several_connections_are_told_apart(conversation):
    conversation.add(0.7, 1, "client", PREFACE + SETTINGS + ASKED)
    text = shown(conversation).text
    assert "#1 client  1       HEADERS" in text
    assert ">#1 stream 1<" in shown(conversation).picture


def test_what_one_side_allows_holds_for_the_other():
    recording = Recording()
    recording.add(0, 0, "client", PREFACE + http2_frame("SETTINGS", b"\0\5\0\0\x80\0"))
    recording.add(0, 0, "server", SETTINGS + http2_frame("DATA", bytes(20_000), 1))
    assert Frames(recording).of("server")[-1].size == 20_000


def test_bytes_that_are_no_frames_end_their_side_with_the_reason_and_not_the_other():
    recording = Recording()
    recording.add(0, 0, "client", b"GET / HTTP/1.1\r\n")
    recording.add(0, 0, "client", b"\r\n")
    recording.add(0, 0, "server", SETTINGS)
    rows = shown(recording).text.splitlines()[2:]
    assert len(rows) == 2
    assert "(no HTTP/2)" in rows[0]
    assert "begin with b'G'" in rows[0]
    assert "SETTINGS" in rows[1]


def test_nothing_that_came_over_the_wire_becomes_part_of_the_page():
    recording = Recording(HOSTILE)
    fields = block((":method", HOSTILE), (":path", HOSTILE))
    recording.add(0, 0, "client", PREFACE + SETTINGS + http2_frame("HEADERS", fields, 1, 5))
    view = shown(recording)
    for markup in (view.html, view.picture):
        assert "<script" not in markup
        assert "\u202e" not in markup


def test_long_recordings_are_cut_and_the_rest_is_counted():
    recording = Recording()
    wire = b"".join(http2_frame("DATA", b"x", 1 + 2 * n) for n in range(LIMIT + 100))
    recording.add(0, 0, "server", SETTINGS + wire)
    view = shown(recording)
    assert view.text.endswith("101 more frames")
    assert f"{LIMIT + 101 - LANES} more streams left out" in view.picture

"""HTTP/2 frames: written by hand, by hyperframe and hpack, and by h2 on both sides."""

import h2.config
import h2.connection
import h2.settings
import hpack
import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import LimitExceeded, WireError
from course_lib.wire.http2 import ERRORS, MAX_HEADER_BLOCK, PREFACE, SETTINGS, TYPES, FrameDecoder, Http2Frame
from tests.strategies import cuts, http2_frame

FIRST = http2_frame("SETTINGS")
FIELDS = ((":status", "200"), ("content-type", "text/event-stream"), ("x-name", "Zoë"))


def frames(*wire, **options):
    """The frames behind the first SETTINGS."""
    decoder = FrameDecoder(**options)
    found = decoder.feed(FIRST + b"".join(wire))
    decoder.close()
    return found[1:]


def packed(*fields):
    return hpack.Encoder().encode([(name, value.encode("latin-1")) for name, value in fields])


def test_every_type_of_frame_becomes_one_value():
    block = packed(*FIELDS)
    sent = [
        HeadersFrame(1, block, flags=["END_HEADERS", "PRIORITY"], depends_on=3, stream_weight=9),
        DataFrame(1, b"hello", pad_length=3, flags=["PADDED", "END_STREAM"]),
        SettingsFrame(0, {4: 70_000, 0x99: 1}),
        WindowUpdateFrame(7, 1000),
        PingFrame(0, b"12345678", flags=["ACK"]),
        RstStreamFrame(5, 8),
        PushPromiseFrame(1, 2, packed((":path", "/x")), flags=["END_HEADERS"]),
        GoAwayFrame(0, 41, 0xBEEF, b"why"),
    ]
    assert frames(*(frame.serialize() for frame in sent)) == [
        Http2Frame("HEADERS", 1, ("END_HEADERS", "PRIORITY"), len(block) + 5, headers=FIELDS),
        Http2Frame("DATA", 1, ("END_STREAM", "PADDED"), 9, b"hello"),
        Http2Frame("SETTINGS", size=12, settings=(("INITIAL_WINDOW_SIZE", 70_000), ("0x99", 1))),
        Http2Frame("WINDOW_UPDATE", 7, size=4, increment=1000),
        Http2Frame("PING", 0, ("ACK",), 8),
        Http2Frame("RST_STREAM", 5, size=4, error="CANCEL"),
        Http2Frame("PUSH_PROMISE", 1, ("END_HEADERS",), 4 + len(packed((":path", "/x"))), headers=((":path", "/x"),)),
        Http2Frame("GOAWAY", size=11, error="0xbeef", last_stream=41),
    ]


def test_reserved_bits_and_types_that_are_no_part_of_http_2_are_let_be():
    window, goodbye, alternative = frames(
        http2_frame("WINDOW_UPDATE", b"\x80\0\0\1", 1),
        http2_frame("GOAWAY", b"\x80\0\0\5\0\0\0\0"),
        http2_frame(10, b"\0"),  # ALTSVC, too short
    )
    assert (window.increment, goodbye.last_stream, alternative) == (1, 5, Http2Frame("0x0a", size=1))


def test_names_are_those_of_the_registries():
    assert tuple(code.name for code in ErrorCodes) == ERRORS
    assert {code.value: code.name for code in h2.settings.SettingCodes}.items() <= SETTINGS.items()
    for number, name in enumerate(TYPES):
        known, _ = Frame.parse_frame_header(memoryview(http2_frame(number, b"", number not in (4, 6, 7))))
        assert type(known).__name__ == f"{name.title().replace('_', '')}Frame".replace("Goaway", "GoAway")


def test_a_frame_prints_as_one_line_that_can_be_read():
    lines = [
        str(frame)
        for frame in frames(
            http2_frame("SETTINGS", flags=1),
            http2_frame("HEADERS", packed((":status", "200")), 1, 4),
            http2_frame("DATA", b"data: x\n\n", 1, 1),
            http2_frame("WINDOW_UPDATE", b"\0\1\0\0"),
            http2_frame("RST_STREAM", b"\0\0\0\2", 3),
            http2_frame("GOAWAY", b"\0\0\0\7\0\0\0\0"),
            http2_frame(0xBE, b"??", 7),
        )
    ]
    assert lines == [
        "stream 0: SETTINGS [ACK]",
        "stream 1: HEADERS [END_HEADERS] :status 200",
        r"stream 1: DATA [END_STREAM] 9 bytes b'data: x\n\n'",
        "stream 0: WINDOW_UPDATE +65,536",
        "stream 3: RST_STREAM INTERNAL_ERROR",
        "stream 0: GOAWAY NO_ERROR, last stream 7",
        "stream 7: 0xbe 2 bytes",
    ]


def test_a_header_block_may_go_on_in_continuations_and_the_last_has_the_fields():
    block = packed(*FIELDS)
    sent = [
        HeadersFrame(1, block[:5], flags=["END_STREAM"]),
        ContinuationFrame(1, block[5:6]),
        ContinuationFrame(1, block[6:], flags=["END_HEADERS"]),
    ]
    assert [frame.headers for frame in frames(*(frame.serialize() for frame in sent))] == [(), (), FIELDS]


def test_blocks_build_on_those_before_them_on_any_stream():
    encoder = hpack.Encoder()
    blocks = [encoder.encode([("x-long-name", "a long value")]) for _ in range(2)]
    assert len(blocks[1]) == 1, "the second is an index into the table"
    found = frames(
        *(HeadersFrame(stream, blocks[n], flags=["END_HEADERS"]).serialize() for n, stream in [(0, 1), (1, 3)])
    )
    assert [frame.headers for frame in found] == [(("x-long-name", "a long value"),)] * 2


@given(st.data())
def test_both_sides_of_a_conversation_of_h2_are_read_whatever_the_cuts(data):
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    wire = {client: b"", server: b""}

    def exchange(sender, receiver):
        sent = sender.data_to_send()
        wire[sender] += sent
        receiver.receive_data(sent)

    client.initiate_connection()
    server.initiate_connection()
    client.send_headers(
        1, [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")], end_stream=True
    )
    exchange(client, server)
    body = data.draw(st.binary(max_size=200))
    server.send_headers(1, [(":status", "200")])
    server.send_data(1, body, pad_length=data.draw(st.sampled_from([None, 0, 200])))
    exchange(server, client)
    client.reset_stream(1, 8)
    client.close_connection()
    exchange(client, server)
    found = {}
    for side, preface in ((client, True), (server, False)):
        decoder = FrameDecoder(preface=preface)
        found[side] = [frame for piece in data.draw(cuts(wire[side])) for frame in decoder.feed(piece)]
        decoder.close()
    assert [frame.type for frame in found[client]][:2] == ["preface", "SETTINGS"]
    assert [str(frame) for frame in found[client]][-2:] == [
        "stream 1: RST_STREAM CANCEL",
        "stream 0: GOAWAY NO_ERROR, last stream 0",
    ]
    assert b"".join(frame.data for frame in found[server] if frame.type == "DATA") == body


# sizes


def test_a_frame_may_have_16384_bytes_until_the_other_side_allows_more():
    large = http2_frame("DATA", bytes(16_385), 1)
    decoder = FrameDecoder()
    decoder.feed(FIRST + http2_frame("DATA", bytes(16_384), 1))
    with pytest.raises(LimitExceeded, match=r"16,385 bytes; max_frame_size is 16,384.*4\.2"):
        decoder.feed(large)
    decoder = FrameDecoder()
    decoder.heed([("MAX_FRAME_SIZE", 20_000), ("ENABLE_PUSH", 0)])
    decoder.heed([("MAX_FRAME_SIZE", 16_384)])  # nobody knows when the other side reads this
    assert decoder.feed(FIRST + large)[1].size == 16_385


def test_a_larger_header_table_is_understood_once_it_is_announced():
    encoder = hpack.Encoder()
    encoder.header_table_size = 8192
    wire = HeadersFrame(1, encoder.encode([("a", "b")]), flags=["END_HEADERS"]).serialize()
    with pytest.raises(WireError, match="RFC 7541"):
        frames(wire)
    decoder = FrameDecoder()
    decoder.heed([("HEADER_TABLE_SIZE", 8192)])
    assert decoder.feed(FIRST + wire)[1].headers == (("a", "b"),)


def test_a_header_block_has_a_limit_packed_and_unpacked():
    endless = [HeadersFrame(1, b"").serialize(), *[ContinuationFrame(1, bytes(16_384)).serialize()] * 5]
    with pytest.raises(LimitExceeded, match=f"{MAX_HEADER_BLOCK:,}"):
        frames(*endless)
    bomb = hpack.Encoder().encode([("x", "y" * 4000)] * 100)
    assert len(bomb) < 5000
    with pytest.raises(LimitExceeded, match="Decoded headers"):
        frames(HeadersFrame(1, bomb, flags=["END_HEADERS"]).serialize())


# what is broken


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (http2_frame("DATA", b"x", 0), "impossible stream"),
        (http2_frame("SETTINGS", b"", 1), "impossible stream"),
        (http2_frame("PING", b"1234567"), "no PING frame can have"),
        (http2_frame("SETTINGS", b"12345"), "no SETTINGS frame can have"),
        (http2_frame("SETTINGS", b"123456", flags=1), "no SETTINGS frame can have"),
        (http2_frame("WINDOW_UPDATE", bytes(4)), "no WINDOW_UPDATE frame can have"),
        (http2_frame("WINDOW_UPDATE"), "no WINDOW_UPDATE frame can have"),
        (http2_frame("SETTINGS", b"\0\2\0\0\0\2"), "ENABLE_PUSH 2; it is 0 to 1"),
        (http2_frame("SETTINGS", b"\0\4\x80\0\0\0"), "INITIAL_WINDOW_SIZE 2,147,483,648; it is 0 to 2,147,483,647"),
        (http2_frame("SETTINGS", b"\0\5\0\0\x3f\xff"), "MAX_FRAME_SIZE 16,383; it is 16,384 to 16,777,215"),
        (http2_frame("DATA", b"\5hi", 1, 8), "no DATA frame can have"),
        (http2_frame("CONTINUATION", b"", 1, 4), "CONTINUATION of stream 1, where a frame that begins"),
        (http2_frame("HEADERS", b"", 1) + FIRST, "SETTINGS of stream 0, where CONTINUATION of stream 1 must come"),
        (http2_frame("HEADERS", b"", 1) + http2_frame("CONTINUATION", b"", 3, 4), "where CONTINUATION of stream 1"),
        (http2_frame("HEADERS", b"\xff", 1, 4), "RFC 7541"),
    ],
)
def test_a_frame_that_breaks_a_rule_is_an_error_that_names_it(wire, said):
    with pytest.raises(WireError, match=said) as broken:
        FrameDecoder().feed(FIRST + wire)
    assert broken.value.finished[0] == Http2Frame("SETTINGS")


@pytest.mark.parametrize(
    ("wire", "preface", "said"),
    [
        (http2_frame("PING", bytes(8)), False, "PING as its first frame; SETTINGS comes first"),
        (b"HTTP/1.1 400 Bad Request\r\n", False, r"begin as HTTP/1\.1 does"),
        (b"GET / HTTP/1.1\r\n", True, "begin with b'G'"),
        (b"PRX", True, "begin with b'PRX'"),
        (b"\x16\x03\x01", True, "TLS"),
    ],
)
def test_bytes_that_are_not_http_2_are_told_at_once(wire, preface, said):
    with pytest.raises(WireError, match=said):
        FrameDecoder(preface=preface).feed(wire)


@pytest.mark.parametrize(
    ("wire", "preface", "where"),
    [
        (PREFACE[:10], True, "the preface"),
        (FIRST + b"\0\0", False, "a frame"),
        (FIRST + http2_frame("DATA", b"hello", 1)[:-1], False, "a frame"),
        (FIRST + http2_frame("HEADERS", b"", 1), False, "a header block"),
    ],
)
def test_an_early_end_is_a_truncation_and_the_error_says_where(wire, preface, where):
    decoder = FrameDecoder(preface=preface)
    decoder.feed(wire)
    with pytest.raises(WireError, match=f"truncated: it ended inside {where}"):
        decoder.close()

"""WebSocket frames: the examples of the standard, every violation, and `websockets` as a second opinion."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Close as TheirClose
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.protocol import Protocol, Side
from websockets.uri import parse_uri

from course_lib.errors import LimitExceeded, MisuseError, WireError
from course_lib.wire.websocket import CLOSE_CODES, Frame, Opcode, WebSocketDecoder, apply_mask, encode_frame
from tests.strategies import cuts

KEY = b"\x37\xfa\x21\x3d"
HELLO = b"\x81\x85" + KEY + b"\x7f\x9f\x4d\x51\x58"  # RFC 6455 section 5.7
CLOSE = b"\x88\x00"


def decode(*pieces, **options):
    decoder = WebSocketDecoder(**options)
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def keys():
    return st.just(b"") | st.binary(min_size=4, max_size=4)


@st.composite
def messages(draw, mask=None):
    """The frames of one message in any number of fragments, with control frames between them."""
    kind = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY]))
    data = draw(st.text(max_size=40)).encode() if kind is Opcode.TEXT else draw(st.binary(max_size=40))
    data *= draw(st.sampled_from([1, 1, 1, 4, 2000]))
    parts = draw(cuts(data))
    key = keys() if mask is None else st.just(b"") if not mask else st.binary(min_size=4, max_size=4)
    frames = []
    for number, part in enumerate(parts):
        opcode = Opcode.CONTINUATION if number else kind
        frames.append(Frame(opcode, part, number == len(parts) - 1, mask=draw(key)))
        if draw(st.integers(0, 3)) == 0:
            control = draw(st.sampled_from([Opcode.PING, Opcode.PONG]))
            frames.append(Frame(control, draw(st.binary(max_size=125)), mask=draw(key)))
    return frames


@st.composite
def closes(draw, mask=None):
    code = draw(st.sampled_from([*CLOSE_CODES, 3000, 4999]))
    payload = draw(st.just(b"") | st.text(max_size=30).map(lambda reason: code.to_bytes(2) + reason.encode()))
    key = keys() if mask is None else st.just(b"") if not mask else st.binary(min_size=4, max_size=4)
    return Frame(Opcode.CLOSE, payload, mask=draw(key))


@st.composite
def conversations(draw, mask=None):
    return [frame for part in draw(st.lists(messages(mask), max_size=3)) for frame in part] + [draw(closes(mask))]


@given(conversations(), st.data())
def test_what_is_encoded_comes_back_whatever_the_cuts(frames, data):
    wire = b"".join(map(encode_frame, frames))
    assert [frame.size for frame in frames] == [len(encode_frame(frame)) for frame in frames]
    decoder = WebSocketDecoder()
    assert [frame for piece in data.draw(cuts(wire + b"next")) for frame in decoder.feed(piece)] == frames
    assert (decoder.done, decoder.rest) == (True, b"next")
    decoder.close()


@given(conversations())
def test_byte_by_byte_it_is_the_same(frames):
    frames = [frame for frame in frames if len(frame.payload) < 500 and frame.fin and frame.opcode]
    wire = b"".join(map(encode_frame, frames))
    assert decode(*(wire[n : n + 1] for n in range(len(wire)))) == frames


@given(messages() | closes().map(lambda frame: [frame]))
def test_websockets_writes_the_same_bytes(frames):
    for frame in frames:
        wire = TheirFrame(TheirOpcode(frame.opcode), frame.payload, frame.fin).serialize(mask=bool(frame.mask))
        if frame.mask:  # theirs is random
            at = len(wire) - len(frame.payload) - 4
            plain = apply_mask(wire[at + 4 :], wire[at : at + 4])
            wire = wire[:at] + frame.mask + apply_mask(plain, frame.mask)
        assert encode_frame(frame) == wire


def read_with_websockets(wire, masked):
    """(frames as (opcode, payload, fin), code with which they would close); messages are not checked for UTF-8."""
    peer = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=1_000_000)
    peer.receive_data(wire)
    frames = [(int(frame.opcode), bytes(frame.data), frame.fin) for frame in peer.events_received()]
    return frames, None if peer.parser_exc is None else peer.close_sent.code


@given(st.booleans().flatmap(lambda mask: st.tuples(st.just(mask), conversations(mask))))
def test_websockets_reads_the_same(drawn):
    masked, frames = drawn
    wire = b"".join(map(encode_frame, frames))
    assert read_with_websockets(wire, masked) == ([(int(f.opcode), f.payload, f.fin) for f in frames], None)


JUNK = [b"", b"\0", b"\x80", b"\xff", b"\x81\x80", b"\x88\x02\x03", b"\x89\x7e", b"\x01", b"\x82\x7f\xff", b"\xc1"]


@given(conversations(False), st.data())
def test_what_we_accept_after_a_random_edit_websockets_reads_the_same_way(frames, data):
    wire = b"".join(map(encode_frame, frames))
    place = data.draw(st.integers(0, len(wire) - 1))
    edited = wire[:place] + data.draw(st.sampled_from(JUNK)) + wire[place + data.draw(st.integers(0, 1)) :]
    try:
        mine, broken = decode(edited, masked=False), False
    except WireError as error:
        mine, broken = list(error.finished), True
    theirs, code = read_with_websockets(edited, False)
    assert theirs[: len(mine)] == [(int(frame.opcode), frame.payload, frame.fin) for frame in mine]
    assert broken or code is None or mine[-1].opcode is Opcode.CLOSE  # which they refuse inside a message


def test_a_client_and_a_server_of_websockets_are_understood():
    client = ClientProtocol(parse_uri("ws://localhost/"))
    client.state = client.state.__class__.OPEN
    client.send_text("é".encode())
    client.send_ping(b"?")
    client.send_close(1000, "bye")
    frames = decode(b"".join(client.data_to_send()), masked=True)
    assert [(frame.opcode, frame.payload) for frame in frames] == [
        (Opcode.TEXT, "é".encode()),
        (Opcode.PING, b"?"),
        (Opcode.CLOSE, TheirClose(1000, "bye").serialize()),
    ]
    assert all(len(frame.mask) == 4 for frame in frames)


def test_the_examples_of_the_standard():
    assert decode(b"\x81\x05Hello") == [Frame(Opcode.TEXT, b"Hello")]
    assert decode(HELLO) == [Frame(Opcode.TEXT, b"Hello", mask=KEY)]
    assert decode(b"\x01\x03Hel\x80\x02lo") == [
        Frame(Opcode.TEXT, b"Hel", fin=False),
        Frame(Opcode.CONTINUATION, b"lo"),
    ]
    assert decode(b"\x89\x05Hello") == [Frame(Opcode.PING, b"Hello")]
    assert decode(b"\x8a\x85" + HELLO[2:]) == [Frame(Opcode.PONG, b"Hello", mask=KEY)]
    assert decode(b"\x82\x7e\x01\x00" + b"x" * 256) == [Frame(Opcode.BINARY, b"x" * 256)]
    assert decode(b"\x82\x7f" + (65536).to_bytes(8) + b"x" * 65536) == [Frame(Opcode.BINARY, b"x" * 65536)]


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65_535, b"\x82\x7e\xff\xff"),
        (65_536, b"\x82\x7f\0\0\0\0\0\1\0\0"),
    ],
)
def test_lengths_are_written_in_three_forms(length, head):
    frame = Frame(Opcode.BINARY, b"x" * length)
    assert encode_frame(frame) == head + b"x" * length
    assert decode(encode_frame(frame)) == [frame]
    assert frame.size == len(head) + length
    masked = Frame(Opcode.BINARY, b"x" * length, mask=KEY)
    assert masked.size == len(encode_frame(masked)) == frame.size + 4


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing_and_once_is_xor(data, key):
    assert apply_mask(apply_mask(data, key), key) == data
    assert apply_mask(data, key) == bytes(byte ^ key[place % 4] for place, byte in enumerate(data))


BROKEN = {
    "reserved bits 100": b"\xc1",
    "reserved bits 011": b"\xb1",
    "opcode 3 has no meaning": b"\x83",
    "opcode 15 has no meaning": b"\x8f",
    "a control frame is fragmented": b"\x09",
    "a control frame has more than 125 bytes": b"\x89\x7e",
    "no message has begun": b"\x80",
    "a new message begins": b"\x01\x01x\x81",
    "one byte of payload": b"\x88\x01x",
    "the code 999": b"\x88\x02\x03\xe7",
    "the code 1004": b"\x88\x02\x03\xec",
    "the code 1005": b"\x88\x02\x03\xed",
    "the code 1006": b"\x88\x02\x03\xee",
    "the code 1015": b"\x88\x02\x03\xf7",
    "the code 2999": b"\x88\x02\x0b\xb7",
    "the code 5000": b"\x88\x02\x13\x88",
    "the reason of a close frame is not UTF-8": b"\x88\x03\x03\xe8\xff",
    "a length of 125 ": b"\x81\x7e\x00\x7d",
    "a length of 65,535 ": b"\x81\x7f\0\0\0\0\0\0\xff\xff",
    "a length of 9,223,372,036,854,775,808 ": b"\x81\x7f\x80" + b"\0" * 7,
    "a text message is not UTF-8": b"\x81\x02\xc3\x28",
    "a text message is not UTF-8 (unexpected end of data)": b"\x81\x01\xc3",
    "a text message is not UTF-8 (invalid continuation byte)": b"\x01\x01\xc3\x80\x01\x28",
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_violation_is_named_at_the_byte_that_makes_it_certain(problem):
    wire = BROKEN[problem]
    with pytest.raises(WireError) as broken:
        decode(*(wire[place : place + 1] for place in range(len(wire))))
    decode(wire[:-1])  # enough to be certain, and nothing less
    assert problem in str(broken.value)
    assert "RFC 6455 section" in str(broken.value)
    assert f"Close with {1007 if 'UTF-8' in problem else 1002}" in str(broken.value)


def test_clients_mask_and_servers_do_not():
    assert decode(HELLO, masked=True)
    assert decode(b"\x81\x05Hello", masked=False)
    with pytest.raises(WireError, match="is masked"):
        decode(HELLO[:2], masked=False)
    with pytest.raises(WireError, match="is not masked"):
        decode(b"\x81\x05", masked=True)


def test_a_character_may_be_cut_by_fragments_but_must_be_whole_at_the_end():
    euro = "€".encode()
    for cut in (1, 2):
        assert len(decode(b"\x01" + bytes([cut]) + euro[:cut] + b"\x89\x00\x80" + bytes([3 - cut]) + euro[cut:])) == 3
    with pytest.raises(WireError, match="unexpected end"):
        decode(b"\x01\x01\xe2\x80\x01\x82")
    assert decode(b"\x82\x01\xff") == [Frame(Opcode.BINARY, b"\xff")]
    assert decode(b"\x01\x00\x80\x00")[1] == Frame(Opcode.CONTINUATION)


def test_the_limit_is_of_the_message_and_holds_before_the_payload_is_kept():
    assert decode(b"\x82\x05hello", b"\x82\x05again", max_size=5)
    assert decode(b"\x02\x03abc\x89\x05hello\x80\x02de", max_size=5)
    for wire in (b"\x82\x06", b"\x02\x03abc\0\x02de\x80\x01", b"\x82\x7e\x01\x00", b"\x82\x7f" + (2**62).to_bytes(8)):
        with pytest.raises(LimitExceeded, match="max_size is 5"):
            decode(wire, max_size=5)


def test_the_bits_of_an_extension_are_allowed_when_it_was_agreed_on():
    compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692 section 7.2.3.1
    assert decode(compressed, reserved=4) == [Frame(Opcode.TEXT, compressed[2:], reserved=4)]
    with pytest.raises(WireError, match="reserved bits 010"):
        decode(b"\xa1\x00", reserved=4)
    for wire in (b"\x41\x01x\xc0", b"\xc9"):  # it says "compressed" of a message, so once, in its first frame
        with pytest.raises(WireError, match="reserved bits 100"):
            decode(wire, reserved=4)


@pytest.mark.parametrize(
    ("wire", "where"),
    [
        (b"", "between two messages"),
        (b"\x81\x05Hello", "between two messages"),
        (b"\x01\x05Hello", "between two fragments"),
        (b"\x81", "inside a frame"),
        (b"\x81\x05Hell", "inside a frame"),
        (b"\x81\x85\x01\x02", "inside a frame"),
    ],
)
def test_an_end_without_a_close_frame_is_abnormal(wire, where):
    decoder = WebSocketDecoder()
    decoder.feed(wire)
    with pytest.raises(WireError, match=f"{where}, without a close frame: code 1006"):
        decoder.close()


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (Frame(Opcode.TEXT, "é\n".encode()), r"text 'é\n' (5 bytes)"),
        (Frame(Opcode.TEXT, b"Hello", mask=KEY), "text 'Hello' (11 bytes, masked)"),
        (Frame(Opcode.TEXT, b"\xe2", fin=False), r"text b'\xe2' (3 bytes, more follows)"),
        (Frame(Opcode.CONTINUATION, b"lo"), "continuation 'lo' (4 bytes)"),
        (Frame(Opcode.BINARY, b"x" * 200), f"binary {b'x' * 60!r}... (204 bytes)"),
        (Frame(Opcode.TEXT, b"\xf2H", reserved=4), r"text b'\xf2H' (4 bytes, compressed)"),
        (Frame(Opcode.PING), "ping (2 bytes)"),
        (Frame(Opcode.CLOSE), "close (2 bytes)"),
        (Frame(Opcode.CLOSE, b"\x03\xe8"), "close 1000 normal closure (4 bytes)"),
        (Frame(Opcode.CLOSE, b"\x03\xe9bye"), "close 1001 going away 'bye' (7 bytes)"),
        (Frame(Opcode.CLOSE, b"\x0f\xa0"), "close 4000 private use (4 bytes)"),
    ],
)
def test_frames_are_frozen_and_print_as_one_line(frame, line):
    assert str(frame) == line
    with pytest.raises(FrozenInstanceError):
        frame.payload = b""


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.TEXT, b"\xff"),
        Frame(Opcode.PING, b"x" * 126),
        Frame(Opcode.PING, fin=False),
        Frame(Opcode.CLOSE, b"x"),
        Frame(Opcode.CLOSE, (1006).to_bytes(2)),
        Frame(Opcode.TEXT, b"x", mask=b"123"),
        Frame(Opcode.TEXT, b"x", mask=b"12345"),
        Frame(Opcode.TEXT, b"x", reserved=8),
        Frame(Opcode.TEXT, "text"),
        Frame(7, b"x"),
        Frame(None),
    ],
    ids=repr,
)
def test_what_is_no_frame_cannot_be_sent(frame):
    with pytest.raises(MisuseError):
        encode_frame(frame)

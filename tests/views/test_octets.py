"""The bytes view: each byte has the role that the framing gives it, wherever the bytes stop."""

import pytest

from course_lib.recording import Recording
from course_lib.views.octets import LIMIT, STYLES, bytes_view
from course_lib.views.roles import runs
from course_lib.wire.chunked import LAST_CHUNK, encode_chunk
from tests.views.recordings import EVENTS, REQUEST, conversation, head

PLAIN = head(b"content-type: text/plain", b"transfer-encoding: chunked")
STREAM = EVENTS + encode_chunk(b"data: H\xc3") + encode_chunk(b"\xa9\n: x\r\n\n") + LAST_CHUNK + PLAIN


def roles(data):
    return [(run.role, data[run.start : run.end]) for run in runs(data)]


def test_a_response_with_chunks_and_events():
    assert roles(EVENTS + encode_chunk(b"data: a\n") + encode_chunk(b":b\n\nid") + LAST_CHUNK) == [
        ("status line", b"HTTP/1.1 200 OK"),
        ("CRLF", b"\r\n"),
        ("header name", b"content-type:"),
        ("header value", b" text/event-stream; charset=utf-8"),
        ("CRLF", b"\r\n"),
        ("header name", b"transfer-encoding:"),
        ("header value", b" chunked"),
        ("CRLF", b"\r\n\r\n"),
        ("chunk size", b"8"),
        ("CRLF", b"\r\n"),
        ("field name", b"data:"),
        ("field value", b" a"),
        ("line end", b"\n"),
        ("CRLF", b"\r\n"),
        ("chunk size", b"6"),
        ("CRLF", b"\r\n"),
        ("comment", b":b"),
        ("line end", b"\n\n"),
        ("field name", b"id"),
        ("CRLF", b"\r\n"),
        ("chunk size", b"0"),
        ("CRLF", b"\r\n\r\n"),
    ]


def test_a_request_and_what_follows_a_body_with_a_length():
    assert [role for role, _ in roles(REQUEST)] == [
        *["request line", "CRLF", "header name", "header value", "CRLF", "header name", "header value", "CRLF", "data"]
    ]
    two = head(b"content-length: 2") + b"hi" + head(b"content-length: 0")
    assert [role for role, _ in roles(two)].count("status line") == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"3\r\nH\xc3\xa9\r\n", ["chunk size", "CRLF", "data", "CRLF"]),
        (b"data:x\n\n", ["field name", "field value", "line end"]),
        (b"\xef\xbb\xbfdata: x", ["field name", "field value"]),
        (b"hello: world", ["data"]),
        (b"", []),
        (b"HTTP/1.1 200 OK\r\n\r\n1\r\na", ["status line", "CRLF", "data"]),
        (b"HTTP/1.1 nonsense\r\n\r\nrest", ["status line", "CRLF", "data"]),
        (encode_chunk(b"a") + b"zz\r\nrest", ["chunk size", "CRLF", "data", "CRLF", "chunk size", "CRLF", "data"]),
    ],
)
def test_fragments_are_recognised(data, expected):
    assert [role for role, _ in roles(data)] == expected


def test_wherever_the_bytes_stop_every_byte_has_one_role():
    for end in range(len(STREAM) + 1):
        found = runs(STREAM[:end])
        assert [run.start for run in found] == [0, *(run.end for run in found)][: len(found)]
        assert (found[-1].end if found else 0) == end
        assert {run.role for run in found} <= set(STYLES)


def test_the_text_twin_has_a_line_per_run():
    assert repr(bytes_view(b"3\r\nH\xc3\xa9\r\n")).splitlines() == [
        "8 bytes",
        "offset  role        bytes  text",
        "0       chunk size  1      3",
        r"1       CRLF        2      \r\n",
        r"3       data        3      H\xc3\xa9",
        r"6       CRLF        2      \r\n",
    ]


def test_long_streams_are_cut_and_the_rest_is_counted():
    bundle = bytes_view(b"x" * (LIMIT + 5000))._repr_mimebundle_()
    assert "… 5,000 more bytes" in bundle["text/html"]
    assert "… 5,000 more bytes" in bundle["text/plain"]
    assert len(bytes_view(b"\r\nx:" * 1000)._repr_mimebundle_()["text/html"]) < 200_000


def test_a_recording_shows_one_side_of_one_connection_and_its_reads():
    recording = conversation(PLAIN, encode_chunk(b"a"), end="server close")
    recording.add(5.0, 1, "server", b"other")
    view = bytes_view(recording)
    text = str(view.snapshot())
    assert text.splitlines()[0] == f"{len(PLAIN) + 6} bytes, in 2 reads"
    assert "a read begins" in view.html
    client, other = bytes_view(recording, side="client"), bytes_view(recording, conn=1)
    assert "request line" in str(client.snapshot())
    assert str(other.snapshot()).splitlines()[0] == "5 bytes, in 1 read"
    assert repr(view) == "<bytes of a recording, live>"
    for one in (view, client, other):
        one.stop()


def test_an_empty_recording_is_no_error_and_fills_up():
    recording = Recording("hop")
    view = bytes_view(recording)
    recording.add(0, 0, "server", b"hello")
    view.stop()
    assert "hello" in view.html

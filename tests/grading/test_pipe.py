"""The pipe answers every byte sequence with a message or a PipeError, and never waits past its deadline."""

import contextlib
import json
import os
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import DeadlineExceeded, PipeError
from course_lib.grading.pipe import MAX_MESSAGE, Pipe, encode


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Pipe(ours), Pipe(theirs)
    ours.close()
    theirs.close()


def test_messages_arrive_whole_and_in_order(ends):
    one, other = ends
    for message in ({"a": [1, None, "x"]}, [], "text"):
        one.send(message)
    assert [other.receive(5) for _ in range(3)] == [{"a": [1, None, "x"]}, [], "text"]


def test_descriptors_travel_with_a_message(ends):
    one, other = ends
    read, write = os.pipe()
    one.send({"op": "session"}, fds=(write,))
    message, fds = other.receive(5, fds=1)
    os.write(fds[0], b"through")
    assert (message, os.read(read, 100)) == ({"op": "session"}, b"through")
    for fd in (read, write, *fds):
        os.close(fd)


def test_silence_ends_at_the_deadline(ends):
    with pytest.raises(DeadlineExceeded):
        ends[0].receive(0.01)


def test_a_message_that_stops_halfway_ends_at_the_deadline(ends):
    ends[1].sock.sendall(struct.pack(">I", 10) + b"[1,")
    with pytest.raises(DeadlineExceeded):
        ends[0].receive(0.01)


def test_the_end_of_the_other_side_is_an_error(ends):
    ends[1].sock.sendall(struct.pack(">I", 10) + b"[1,")
    ends[1].close()
    with pytest.raises(PipeError, match="ended"):
        ends[0].receive(5)


def test_a_message_announced_too_large_is_refused_before_it_is_read(ends):
    ends[1].sock.sendall(struct.pack(">I", MAX_MESSAGE + 1))
    with pytest.raises(PipeError, match="largest allowed"):
        ends[0].receive(5)


def test_a_message_too_large_to_send_is_refused(ends):
    with pytest.raises(PipeError, match="largest allowed"):
        ends[0].send("x" * (MAX_MESSAGE + 1))


@pytest.mark.parametrize("body", [b"[" + b"0," * 2_000_001 + b"0]", b"[]" * 2_000_001, b"{" * 2_000_001])
def test_a_message_of_too_many_values_is_refused_before_it_is_parsed(ends, body):
    """A text of 60 MB can hold 30 million lists, which would take gigabytes and minutes."""
    sending = threading.Thread(target=ends[1].sock.sendall, args=(struct.pack(">I", len(body)) + body,))
    sending.start()
    with pytest.raises(PipeError, match="2,000,000 values"):
        ends[0].receive(60)
    sending.join()


def test_too_many_values_are_not_sent_but_a_text_may_look_like_them():
    with pytest.raises(PipeError, match="2,000,000 values"):
        encode([[]] * 2_000_001)
    for text in ("[," * 2_000_000, '"[\\' * 2_000_000, "\\"):
        assert json.loads(encode([text, text[:5]])) == [text, text[:5]]


def test_a_message_that_nobody_takes_ends_at_the_deadline(ends):
    with pytest.raises(DeadlineExceeded):
        ends[0].send("x" * 20_000_000, 0.01)


@given(st.binary(max_size=60))
def test_whatever_bytes_arrive_the_answer_is_a_message_or_a_pipe_error(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        messages = iter(lambda: Pipe(ours).receive(5), object())
        with pytest.raises(PipeError):
            list(messages)


@given(st.binary(max_size=60))
def test_whatever_body_arrives_the_answer_is_a_message_or_a_pipe_error(body):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", len(body)) + body)
        with contextlib.suppress(PipeError):
            Pipe(ours).receive(5)


def test_deep_nesting_is_refused(ends):
    body = b"[" * 200_000 + b"]" * 200_000
    ends[1].sock.sendall(struct.pack(">I", len(body)) + body[: 1 << 16])
    ends[1].sock.settimeout(5)
    threading.Thread(target=ends[1].sock.sendall, args=(body[1 << 16 :],), daemon=True).start()
    with pytest.raises(PipeError, match="no message"):
        ends[0].receive(5)

"""Every conformance vector, strictly: events with type, data and id; retry; last event id."""

import pytest

from course_lib.errors import WireError
from course_lib.wire.sse import SSEDecoder, encode_event
from course_lib.wire.vectors import Vector, load

every_vector = pytest.mark.parametrize("vector", load(), ids=lambda vector: vector.name)


def decoded(*pieces: bytes) -> tuple[list, str, int | None]:
    decoder = SSEDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    decoder.close()
    return events, decoder.last_event_id, decoder.retry


def expected(vector: Vector) -> tuple[list, str, int | None]:
    return list(vector.events), vector.last_event_id, vector.retry


@every_vector
def test_whole(vector):
    assert decoded(vector.stream) == expected(vector)


@every_vector
def test_at_every_two_way_cut(vector):
    for cut in range(len(vector.stream) + 1):
        assert decoded(vector.stream[:cut], vector.stream[cut:]) == expected(vector), f"cut at {cut}"


@every_vector
def test_byte_by_byte(vector):
    assert decoded(*[bytes([byte]) for byte in vector.stream]) == expected(vector)


@every_vector
def test_with_more_of_the_stream_behind_it(vector):
    events, *_ = decoded(vector.stream + b"\n\ndata: behind\n\n")
    assert events[: len(vector.events)] == list(vector.events)
    assert events[-1].data == "behind"


@every_vector
def test_a_limit_as_large_as_the_stream_changes_nothing(vector):
    decoder = SSEDecoder(max(1, len(vector.stream)))
    assert decoder.feed(vector.stream) == list(vector.events)


@every_vector
def test_with_a_limit_of_every_size_events_come_before_the_error(vector):
    for limit in range(1, min(len(vector.stream), 60)):
        decoder = SSEDecoder(limit)
        try:
            events = decoder.feed(vector.stream)
        except WireError as error:
            events = list(error.finished)
        assert events == list(vector.events)[: len(events)]


@every_vector
def test_backwards_what_was_dispatched_can_be_sent_again(vector):
    sent = b"".join(encode_event(event.data, event=event.event, id=event.id) for event in vector.events)
    assert decoded(sent)[0] == list(vector.events)


def test_the_vectors_have_names_of_their_own_and_are_frozen():
    vectors = load()
    assert len({vector.name for vector in vectors}) == len(vectors) == 100
    with pytest.raises(AttributeError):
        vectors[0].stream = b""
    assert "one_event" in str(vectors[0])

"""Instructor-only checks of SSEParser: the vectors in three tiers, seeded cuts, marks, promptness, linear work."""

import time

import pytest

from course_lib.grading import deadline, each, points
from course_lib.wire import vectors
from course_lib.wire.sse import SSEDecoder

MARK = b"\xef\xbb\xbf"
CORE = {"basic", "lines", "data", "space", "fields", "comments", "event", "eof", "combo"}
HARD = {"splitlines", "id", "retry"}


def message(data, event="message", id=""):
    return {"event": event, "data": data, "id": id}


def run(submission, pieces, ids=True):
    """[events, last_event_id, retry] of a new parser after these pieces and close(); without `ids` only the events."""
    parser = submission.SSEParser()
    events = [event for result in each(parser.feed, pieces) for event in result]
    if not ids:
        return [events]
    parser.close()
    return [events, parser.last_event_id, parser.retry]


def single_bytes(data):
    return [data[n : n + 1] for n in range(len(data))]


def cuts(data):
    """Every place for one cut; in a long stream (a comment of 9 kB) only those near its ends."""
    return [cut for cut in range(1, len(data)) if cut < 200 or cut > len(data) - 200]


def pass_vectors(submission, groups):
    """Every graded vector of these groups: whole, byte by byte, cut in two everywhere."""
    for vector in vectors.load():
        if vector.group not in groups or not vector.graded:
            continue
        events = [message(event.data, event.event, event.id) for event in vector.events]
        expected = [events, vector.last_event_id, vector.retry]
        ids = vector.group in ("id", "retry")
        assert run(submission, [vector.stream]) == expected
        assert run(submission, single_bytes(vector.stream)) == expected
        for cut in cuts(vector.stream):
            assert run(submission, [vector.stream[:cut], vector.stream[cut:]], ids) == (expected if ids else [events])


@points(1)
def test_passes_the_core_vectors(submission):
    """Line ends, data, spaces, comments, event types and the end of the stream follow the standard at every cut."""
    pass_vectors(submission, CORE)


@points(1)
def test_passes_the_hard_vectors(submission):
    """Only CR, LF and CRLF end lines; `id` and `retry` follow the standard at every cut."""
    pass_vectors(submission, HARD)


@points(2)
def test_passes_the_expert_vectors(submission):
    """A byte order mark at the start and invalid UTF-8 are handled as the standard says, at every cut."""
    pass_vectors(submission, {"utf8"})


@points(1)
def test_does_not_depend_on_random_cuts(submission, rng):
    """Seeded random streams, cut at random places and with empty feeds between, give what the standard says."""
    parts = [b"data", b"data:", b"data: x", "data: é→🚀".encode(), b"data:  y", b"id: 7", b"id", b"event: e", b"event:"]
    parts += [b": c", b"retry: 10", b"retry: x", b"datax: 1", "data: a\u2028b\u0085c".encode(), b"", b"", b"", b""]
    for _ in range(60):
        end = rng.choice([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]])
        stream = b"".join(rng.choice(parts) + rng.choice(end) for _ in range(rng.randrange(1, 30)))
        places = sorted(rng.choices(range(len(stream) + 1), k=rng.choice([0, 2, 10, 2 * len(stream)])))
        pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
        reference = SSEDecoder()
        events = [message(event.data, event.event, event.id) for event in reference.feed(stream)]
        reference.close()
        assert run(submission, pieces) == [events, reference.last_event_id, reference.retry]


@points(1)
def test_drops_a_mark_that_comes_in_pieces(submission):
    """A byte order mark that is split over three feeds is dropped; two bytes of a mark and something else are not."""
    assert run(submission, [MARK[:1], MARK[1:2], MARK[2:], b"data: x\n\n"], ids=False) == [[message("x")]]
    almost = b"\xef\xbb\xbe"  # another character: it belongs to the field name
    stream = almost + b"data: x\n\ndata: y\n\n"
    for pieces in ([stream], [almost[:2], stream[2:]], single_bytes(stream)):
        assert run(submission, pieces, ids=False) == [[message("y")]]


@points(1)
def test_drops_only_one_mark(submission):
    """Only one mark is dropped, at the very start; any other one is part of the field name."""
    twice = MARK + MARK + b"data: x\n\ndata: y\n\n"
    later = b"data: x\n\n" + MARK + b"data: y\n\ndata: z\n\n"
    for cut in (0, 3, 6):
        assert run(submission, [twice[:cut], twice[cut:]], ids=False) == [[message("y")]]
    for cut in (0, 9, 12):
        assert run(submission, [later[:cut], later[cut:]], ids=False) == [[message("x"), message("z")]]


@points(1)
def test_does_not_wait_for_a_line_feed(submission):
    """An event comes out with the feed that holds its blank line, also when that ends with a bare CR."""
    parser = submission.SSEParser()
    assert parser.feed(b"data: a\r\r") == [message("a")]
    assert parser.feed(b"data: b\r") == []
    assert parser.feed(b"\r") == [message("b")]
    parser = submission.SSEParser()
    assert parser.feed(b"data: a\r\n\r") == [message("a")]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"data: b\n\n") == [message("b")]


def seconds_for(submission, pieces, expected):
    """How long a new parser takes for these pieces and a blank line."""
    parser = submission.SSEParser(10_000_000)
    started = time.perf_counter()
    results = each(parser.feed, [*pieces, b"\n\n"])
    seconds = time.perf_counter() - started
    assert results[-1] == expected
    return seconds


@deadline(10)
@points(1)
def test_work_is_linear_in_one_long_line(submission):
    """One event of 8 MB costs about as much as the same bytes in 160 events: each byte is handled once.
    The same fault in production: Soju06/codex-lb pull 1242, 70.5 s for one event of 8 MiB."""
    # The limit comes from the same bytes in the same number of reads, so it holds wherever this runs: a parser that
    # copies or searches the rest on each read moves 640 GB. The second try forgives a busy machine.
    filler = [b"x" * 50] * 160_000
    small = [b"data: "] + [b"\n\ndata: " if n % 1_000 == 0 else piece for n, piece in enumerate(filler, 1)]
    for _ in range(2):
        reference = seconds_for(submission, small, [message("")])
        if seconds_for(submission, [b"data: ", *filler], [message("x" * 8_000_000)]) < 2 * reference + 0.2:
            return
    raise AssertionError("the same bytes cost many times as much when they are one event")


@deadline(6)
@points(1)
def test_work_is_linear_in_one_long_feed(submission):
    """Many lines in one feed, and many lines in one event, cost as much as their bytes."""
    # Cutting the rest anew for each line copies 1.5 MB a million times
    parser = submission.SSEParser(10_000_000)
    assert parser.feed(b":\n\n" * 500_000 + b"data: x\n\n") == [message("x")]
    parser = submission.SSEParser(10_000_000)
    assert parser.feed(b"data:\n" * 200_000 + b"\n") == [message("\n" * 199_999)]


@deadline(6)
@points(1)
def test_survives_many_tiny_feeds(submission):
    """A feed of one byte costs the same at the end of a long stream as at its start."""
    event = b"id: 1\ndata: 0123456789\n\n"
    parser = submission.SSEParser()
    results = each(parser.feed, single_bytes(event) * 1_500)
    assert sum(len(result) for result in results) == 1_500
    parser = submission.SSEParser()
    assert each(parser.feed, single_bytes(b"data: " + b"x" * 20_000))[-1] == []
    assert parser.feed(b"\n\n") == [message("x" * 20_000)]


@points(1)
def test_is_over_after_close(submission):
    """close() discards an unfinished event, and feed after it raises ValueError."""
    parser = submission.SSEParser()
    assert parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n") == [message("a", id="1")]
    assert parser.close() is None
    assert parser.last_event_id == "1"
    with pytest.raises(ValueError):
        parser.feed(b"\n")
    with pytest.raises(ValueError):
        parser.feed(b"data: c\n\n")

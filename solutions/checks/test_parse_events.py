"""Instructor-only checks of parse_events: the project's conformance vectors, given as text, smallest first."""

from course_lib.grading import points
from course_lib.wire import vectors


def run(submission, *groups):
    for vector in texts(*groups):
        assert submission.parse_events(vector["text"]) == vector["result"]


def texts(*groups):
    """Vectors of these groups that are valid UTF-8 without a byte order mark, as text with the result expected."""
    found = []
    for vector in vectors.load():
        if vector.group not in groups or not vector.graded:
            continue
        try:
            text = vector.stream.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if "\ufeff" not in text:
            found.append({"text": text, "result": expected(vector)})
    return sorted(found, key=lambda item: len(item["text"]))


def expected(vector):
    return {
        "events": [{"event": e.event, "data": e.data, "id": e.id} for e in vector.events],
        "last_event_id": vector.last_event_id,
        "retry": vector.retry,
    }


@points(1)
def test_finds_the_lines(submission):
    """Lines end with LF, CRLF or CR, and with nothing else."""
    run(submission, "lines", "splitlines")


@points(1)
def test_collects_the_data(submission):
    """Data keeps every character and every empty line."""
    run(submission, "basic", "data", "utf8", "combo")


@points(1)
def test_reads_fields_to_the_letter(submission):
    """One space is dropped, names are compared to the letter, comments have no effect."""
    run(submission, "space", "fields", "comments")


@points(1)
def test_resets_the_type(submission):
    """An empty `event` means `message`, the last one wins, and a block without data dispatches nothing."""
    run(submission, "event")
    got = submission.parse_events("event: a\n\ndata: x\n\n")
    assert got == {"events": [{"event": "message", "data": "x", "id": ""}], "last_event_id": "", "retry": None}


@points(1)
def test_commits_the_id(submission):
    """The id is text without NUL, may be emptied, counts without data, and not when its block is unfinished."""
    run(submission, "id")
    assert submission.parse_events("id: 1\n\nid: 2\n") == {"events": [], "last_event_id": "1", "retry": None}
    assert submission.parse_events("id: 1\n\nid: 2\x00\n\n") == {"events": [], "last_event_id": "1", "retry": None}


@points(1)
def test_takes_ascii_digits_for_retry(submission):
    """`retry` counts only if all its characters are ASCII digits."""
    run(submission, "retry")
    for text in ("-1500", "1_500", "１５００", "²", "١٢", "+1", " 1", "1.0"):
        got = submission.parse_events(f"retry: 7\nretry: {text}\ndata: x\n\n")
        assert got == {"events": [{"event": "message", "data": "x", "id": ""}], "last_event_id": "", "retry": 7}


@points(1)
def test_discards_what_is_unfinished(submission):
    """An event without its blank line is discarded when the text ends."""
    run(submission, "eof")

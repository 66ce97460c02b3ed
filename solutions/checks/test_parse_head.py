"""Instructor-only checks of parse_head."""

import pytest

from course_lib.grading import each, points

LIMIT = 65_536


@points(1)
def test_every_cut_of_a_head_is_incomplete(submission):
    """As long as the last byte of the blank line is missing, also between its CR and LF, the answer is None."""
    head = b"HTTP/1.1 200 OK\r\nserver: a\r\nDate: b\r\n\r\n"
    assert each(submission.parse_head, [head[:size] for size in range(len(head))]) == [None] * len(head)
    long = b"HTTP/1.1 200 OK\r\nx: "
    assert submission.parse_head(long + b"a" * (LIMIT - len(long))) is None


@points(1)
def test_headers_are_kept_as_they_came(submission):
    """Repeats, order, further colons and all characters of latin-1 survive; only spaces and tabs around a value go."""
    got = submission.parse_head(
        b"HTTP/1.1 200 OK\r\n"
        b"Set-Cookie: a=1\r\nX-Empty:\r\nset-cookie:b=2\r\n"
        b"Location: http://127.0.0.1:8000/a:b\r\nX-Spaced: \t two  words \t \r\n"
        b"X-Latin: caf\xe9\r\nX-Odd: a\x85b\x0cc\r\nX-Nbsp: \xa0d\xa0\r\nX-Feed: \x0ce\x0c\r\n\r\n"
    )
    assert got["headers"] == [
        ["set-cookie", "a=1"],
        ["x-empty", ""],
        ["set-cookie", "b=2"],
        ["location", "http://127.0.0.1:8000/a:b"],
        ["x-spaced", "two  words"],
        ["x-latin", "café"],
        ["x-odd", "a\x85b\x0cc"],
        ["x-nbsp", "\xa0d\xa0"],
        ["x-feed", "\x0ce\x0c"],
    ]


@points(1)
def test_empty_reason_and_bare_line_feeds(submission):
    """The reason may be missing, and LF alone ends a line as CRLF does."""
    empty = {"status": 204, "reason": "", "headers": [], "rest": b""}
    assert submission.parse_head(b"HTTP/1.1 204 \r\n\r\n") == empty
    assert submission.parse_head(b"HTTP/1.1 204\r\n\r\n") == empty
    wanted = {"status": 200, "reason": "OK", "headers": [["a", "1"], ["b", "2"]], "rest": b"x\r\n\r\n"}
    assert submission.parse_head(b"HTTP/1.0 200 OK\na: 1\nb: 2\n\nx\r\n\r\n") == wanted
    assert submission.parse_head(b"HTTP/1.1 200 OK\r\na: 1\nb: 2\r\n\nx\r\n\r\n") == wanted
    assert submission.parse_head(b"HTTP/1.1 200 OK\na: 1\r\nb: 2\n\r\nx\r\n\r\n") == wanted


@points(1)
def test_what_is_no_head_raises(submission):
    """A line that is no header, a broken status line or an endless head raises ValueError; a long body does not."""
    for line in (b"no colon", b"name : value", b"name\t: value", b": no name", b" folded: value", b"two words: x"):
        with pytest.raises(ValueError):
            submission.parse_head(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")
    for line in (
        b"",
        b"5",
        b"200 OK",
        b"HTTP/1.1",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 2000 A",
    ):
        with pytest.raises(ValueError):
            submission.parse_head(line + b"\r\na: 1\r\n\r\n")
    with pytest.raises(ValueError):
        submission.parse_head(b"HTTP/1.1 200 OK\r\nx: " + b"a" * LIMIT)
    assert submission.parse_head(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (2 * LIMIT)) == {
        "status": 200,
        "reason": "OK",
        "headers": [],
        "rest": b"a" * (2 * LIMIT),
    }

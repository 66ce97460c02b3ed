"""Visible checks of parse_head."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "02_bytes_on_the_wire",
    "title": "Parse the head of a response",
    "kind": "value",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 02, 'The head: a status line, headers, a blank line'",
    "hints": [
        "Work on bytes and look for the blank line first. Without it there is no head yet, whatever else is there.",
        'Cut the lines at `b"\\n"` while they are bytes and decode each one. Then `partition(":")` once: a value may '
        "hold more colons.",
        'Keep a list of `[name, value]`, not a dict. And `value.strip(" \\t")`: a bare `strip()` removes more than '
        "HTTP does.",
    ],
    "after": (
        "Three habits of ordinary Python code fail here. A dict keeps one `set-cookie` of two. `str.splitlines()` cuts "
        "at characters that are no line ends in HTTP (lesson 03 meets the same fault in real SSE clients). And "
        "`strip()` removes more than the space and the tab which RFC 9112 allows around a value. The space before the "
        "colon is refused because two programs that read `Content-Length : 5` differently also disagree about where "
        "the answer ends: that disagreement has been an attack (RFC 9112, sections 5.1 and 11.2)."
    ),
}

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
PARSED = {
    "status": 200,
    "reason": "OK",
    "headers": [["content-type", "text/plain"], ["transfer-encoding", "chunked"]],
    "rest": b"",
}


@points(1)
def test_a_whole_head(submission):
    """A whole head gives status, reason, headers and an empty rest, whether its lines end with CRLF or LF."""
    assert submission.parse_head(b"HTTP/1.1 200 OK\r\n\r\n") == {
        "status": 200,
        "reason": "OK",
        "headers": [],
        "rest": b"",
    }
    assert submission.parse_head(HEAD) == PARSED
    assert submission.parse_head(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n") == {
        "status": 404,
        "reason": "Not Found",
        "headers": [["content-length", "0"]],
        "rest": b"",
    }
    assert submission.parse_head(HEAD.replace(b"\r\n", b"\n")) == PARSED


@points(1)
def test_an_incomplete_head_is_none(submission):
    """Without its blank line a head is incomplete: None."""
    assert submission.parse_head(b"") is None
    assert submission.parse_head(b"HTTP/1.1 200 OK") is None
    assert submission.parse_head(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n") is None


@points(1)
def test_the_rest_is_kept(submission):
    """The bytes after the blank line come back untouched in `rest`."""
    assert submission.parse_head(HEAD + b"5\r\nHello\r\n") == {**PARSED, "rest": b"5\r\nHello\r\n"}
    assert submission.parse_head(HEAD + b"\r\n\r\nx: y\r\n\r\n") == {**PARSED, "rest": b"\r\n\r\nx: y\r\n\r\n"}


@points(1)
def test_names_are_in_lower_case(submission):
    """Names of headers come in lower case; spaces and tabs around values go, and nothing else of them."""
    got = submission.parse_head(b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain\r\nX-REQUEST-ID: Ab12\r\n\r\n")
    assert got == {
        "status": 200,
        "reason": "OK",
        "headers": [["content-type", "Text/Plain"], ["x-request-id", "Ab12"]],
        "rest": b"",
    }
    # str.strip() would take the unit separator away as well
    got = submission.parse_head(b"HTTP/1.1 200 OK\r\nX-Spaced: \t a b\t \r\nX-Unit: a\x1f\r\n\r\n")
    assert got["headers"] == [["x-spaced", "a b"], ["x-unit", "a\x1f"]]

"""Instructor-only checks of utf8_pieces."""

from course_lib.grading import points


@points(1)
def test_replaces_what_is_not_utf8(submission):
    """Invalid bytes become U+FFFD, and so does a character that the end cuts off (in the last piece)."""
    assert submission.utf8_pieces([b"\xff"]) == ["\ufffd", ""]
    assert submission.utf8_pieces([b"caf\xe9 ", b"noir"]) == ["caf\ufffd ", "noir", ""]
    assert submission.utf8_pieces([b"a\xe2", b"b"]) == ["a", "\ufffdb", ""]
    assert submission.utf8_pieces([b"ok \xf0\x9f"]) == ["ok ", "\ufffd"]
    assert submission.utf8_pieces([b"\xe2", b"\x86"]) == ["", "", "\ufffd"]


@points(1)
def test_accepts_chunks_without_bytes(submission):
    """Empty chunks give empty pieces and change nothing; no chunks at all give only the piece of the end."""
    assert submission.utf8_pieces([]) == [""]
    assert submission.utf8_pieces([b""]) == ["", ""]
    assert submission.utf8_pieces([b"\xc3", b"", b"\xa9"]) == ["", "", "é", ""]

"""Instructor-only checks of encode_chunk."""

from course_lib.grading import points


@points(1)
def test_the_size_is_hexadecimal(submission):
    """The size is hexadecimal, in lower case and without leading zeros."""
    for size, line in ((10, b"a"), (15, b"f"), (16, b"10"), (255, b"ff"), (256, b"100"), (4096, b"1000")):
        assert submission.encode_chunk(b"x" * size) == line + b"\r\n" + b"x" * size + b"\r\n"


@points(1)
def test_nothing_sends_nothing_and_data_is_not_looked_at(submission):
    """No data gives no bytes, because size zero would end the body; line ends inside the data are data."""
    assert submission.encode_chunk(b"") == b""
    assert submission.encode_chunk(b"\r\n") == b"2\r\n\r\n\r\n"
    assert submission.encode_chunk(b" 0\r\n\r\n ") == b"7\r\n 0\r\n\r\n \r\n"

"""Visible checks of encode_chunk."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "02_bytes_on_the_wire",
    "title": "Encode one chunk",
    "kind": "value",
    "difficulty": 1,
    "easy": True,
    "stretch": False,
    "uses": [],
    "read": "lesson 02, 'A chunk, byte by byte'",
    "hints": [
        "The size counts bytes. You already have bytes: how many are there?",
        '`format(n, "x")` writes a number in lower-case hexadecimal, without `0x` and without leading zeros.',
        'Four parts in a row: size, `b"\\r\\n"`, data, `b"\\r\\n"`. And what would size 0 tell the other side?',
    ],
    "after": (
        "An encoder is three lines, and servers still get it wrong: the usual faults are a size that counts "
        "characters (right for English, wrong for the first `é`) and an empty token that is sent as `0\\r\\n\\r\\n`. "
        "That second one ends the body: everything that the model says afterwards is lost, or is read as the "
        "beginning of the next answer. An empty piece has to send nothing at all."
    ),
}


@points(1)
def test_size_data_and_two_line_ends(submission):
    """A chunk is the size in hexadecimal, CRLF, the data, CRLF."""
    assert submission.encode_chunk(b"a") == b"1\r\na\r\n"
    assert submission.encode_chunk(b"Hello") == b"5\r\nHello\r\n"
    assert submission.encode_chunk(b"Hello, you") == b"a\r\nHello, you\r\n"  # ten bytes


@points(1)
def test_the_size_counts_bytes(submission):
    """The size counts bytes, not characters."""
    assert submission.encode_chunk("é".encode()) == b"2\r\n\xc3\xa9\r\n"
    assert submission.encode_chunk("Hé".encode()) == b"3\r\nH\xc3\xa9\r\n"

"""Visible checks of utf8_pieces."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "04_incremental_parsing",
    "title": "Text from bytes that are cut anywhere",
    "kind": "value",
    "difficulty": 1,
    "easy": True,
    "stretch": False,
    "uses": [],
    "read": "lesson 04, 'Half a character'",
    "hints": [
        "What does `bytes.decode` do when it is given half a character? Try it on `'🚀'.encode()[:2]`.",
        "Something has to remember the half character until the next chunk comes. "
        "The standard library has such a thing: look in `codecs`.",
        '`decoder = codecs.getincrementaldecoder("utf-8")("replace")`. Call `decoder.decode(chunk)` once per chunk, '
        'then once more with `decoder.decode(b"", final=True)`.',
    ],
    "after": "An *incremental* decoder keeps the bytes of an unfinished character and waits for the rest. "
    "`httpx` uses one inside `iter_text`, and a browser's `TextDecoder` becomes one with `{stream: true}`. "
    "The last call, with `final=True`, is easy to forget: without it half a character at the end vanishes, "
    "and nobody learns that the text was cut.",
}


@points(1)
def test_decodes_chunks_of_ascii(submission):
    """Each chunk gives its own piece of text, and the end gives one more."""
    assert submission.utf8_pieces([b"Hi"]) == ["Hi", ""]
    assert submission.utf8_pieces([b"Hel", b"lo", b"!"]) == ["Hel", "lo", "!", ""]


@points(1)
def test_waits_for_the_rest_of_a_character(submission):
    """A character cut between two chunks appears with the chunk that completes it, whole."""
    rocket = "🚀".encode()
    for cut in range(1, len(rocket)):
        assert submission.utf8_pieces([rocket[:cut], rocket[cut:]]) == ["", "🚀", ""]
    assert submission.utf8_pieces([b"ab\xc3", b"\xa9cd"]) == ["ab", "écd", ""]


@points(1)
def test_decodes_one_byte_at_a_time(submission):
    """Bytes that come one by one give the same text as all of them at once."""
    for text in ("é", "→", "Hé → 🚀"):
        pieces = submission.utf8_pieces([bytes([byte]) for byte in text.encode()])
        assert "".join(pieces) == text
        assert len(pieces) == len(text.encode()) + 1

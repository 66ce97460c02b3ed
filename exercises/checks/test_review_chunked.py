"""Visible checks of review_chunked."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "02_bytes_on_the_wire",
    "title": "Sixteen claims about chunked transfer",
    "kind": "review",
    "difficulty": 2,
    "easy": False,
    "stretch": False,
    "uses": [],
    "read": "lesson 02, 'The head: a status line, headers, a blank line', 'Three lines that are not SSE', "
    "and from 'The same body, cut three ways' on",
    "hints": [
        "Chunked coding belongs to one version of HTTP: what did the HTTP/1.0 client get, and what does HTTP/2 use?",
        "Who may cut again what the server wrote? Think of everything between the generator and the loop that reads.",
        "After the head is sent, neither the status nor the text can report a failure. Which signal is left?",
    ],
    "after": (
        "The claims that sound best are the ones to test. For every verdict, name the run or the sentence of the "
        "lesson that decides it; where you can name none, you have guessed, and guesses are what the hidden groups "
        "find. The two claims judged here show the pattern: one word (*everywhere*) can make a good sentence false. "
        "Lesson 03 puts a format into these bytes."
    ),
}

CODES = [
    "everywhere",
    "no_length",
    "http2",
    "same_level",
    "close_ends",
    "keep_alive",
    "content_type",
    "one_read",
    "recut",
    "inside_character",
    "faithful",
    "browser",
    "error_text",
    "status_500",
    "truncation",
    "one_exception",
]


@points(1)
def test_two_claims_that_the_runs_decide(submission):
    """Every claim has True or False; the two that the runs of the lesson decide are right: everywhere, no_length."""
    verdicts = submission.review_chunked()
    assert [code for code in CODES if code not in verdicts] == [], "every claim needs a verdict"
    others = [code for code in CODES if verdicts[code] != True and verdicts[code] != False]  # noqa: E712 - by type
    assert others == [], "each verdict is True or False"
    got = {code: verdicts.get(code) for code in ("everywhere", "no_length")}
    assert got == {"everywhere": False, "no_length": True}

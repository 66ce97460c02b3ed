"""Visible checks of reading_start."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "01_why_stream",
    "title": "When may the reader start?",
    "kind": "value",
    "difficulty": 2,
    "easy": False,
    "stretch": True,
    "uses": [],
    "read": "lesson 01, 'A reader who never has to wait'",
    "hints": [
        "The reader needs token `i` (counted from 0) at the moment `start + i / tokens_per_second`.",
        "Token `i` must have arrived by then, so each token sets a lower bound for `start`.",
        "The answer is the largest of these bounds: `max(arrival - i / tokens_per_second ...)`.",
    ],
    "after": (
        "Players of audio and video face the same question: how much must be there before the first second is played? "
        "Your function needs all arrivals, so it judges a stream afterwards; a live player can only guess. "
        "For an even stream it also says when more speed is wasted: as soon as the model is faster than the reader, "
        "the answer is the arrival of the first token, and nothing after it matters."
    ),
}


@points(1)
def test_one_token(submission):
    """One token is read when it arrives."""
    assert submission.reading_start([0.5], 4.0) == 0.5


@points(1)
def test_a_model_faster_than_the_reader(submission):
    """If the tokens come faster than they are read, the reader starts with the first one."""
    assert submission.reading_start([0.5, 0.75, 1.0, 1.25], 2.0) == 0.5


@points(1)
def test_a_model_slower_than_the_reader(submission):
    """If the tokens come slower than they are read, all along or at one place, the reader has to start later."""
    # Read at 2.25, 2.5, 2.75 and 3.0: the last token is there just in time.
    assert submission.reading_start([0.0, 1.0, 2.0, 3.0], 4.0) == 2.25
    # The third token, after the stall, is the one that is there just in time: 2.5 + 2 / 4 = 3.0.
    got = submission.reading_start([0.5, 0.75, 3.0, 3.125, 3.25, 3.375], 4.0)
    assert got == 2.5, "the stall between the second and the third token decides, not the end of the stream"

"""Visible checks of read_field."""

from course_lib.grading import points

EXERCISE = {
    "lesson": "03_sse_format",
    "title": "Read one line",
    "kind": "value",
    "difficulty": 1,
    "easy": True,
    "stretch": False,
    "uses": [],
    "read": "lesson 03, 'What a line can be'",
    "hints": [
        "Only the first colon counts. Which method of `str` splits at the first one, and works when there is none?",
        '`line.partition(":")` gives three parts; name and value are the outer two. For the value, '
        '`removeprefix(" ")` removes one space and no more.',
        'Two lines are enough: `name, _, value = line.partition(":")` and `return [name, value.removeprefix(" ")]`. '
        "A comment is simply a line whose name is empty. Use no `strip` anywhere.",
    ],
    "after": "Seen this way a comment needs no rule of its own: it is a field with an empty name. And one space is all "
    "that may go, since a token may well *be* a space (`data:  ` carries one): clients which strip values lose the "
    "spaces between words. If your answer takes away anything else, at either end of the name or the value, go through "
    "the task once more.",
}


@points(1)
def test_splits_at_the_colon(submission):
    """The first colon ends the name, the rest is the value; one space after the colon is dropped."""
    assert submission.read_field("data: x") == ["data", "x"]
    assert submission.read_field("data: a: b:c") == ["data", "a: b:c"]


@points(1)
def test_drops_one_space_at_most(submission):
    """The space after the colon may be missing, and of two spaces only one is dropped."""
    assert submission.read_field("data:x") == ["data", "x"]
    assert submission.read_field("data:  x") == ["data", " x"]


@points(1)
def test_gives_a_comment_an_empty_name(submission):
    """A line that starts with a colon is a comment: its name is empty."""
    assert submission.read_field(": ping") == ["", "ping"]

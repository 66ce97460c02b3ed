"""Instructor-only checks of read_field."""

from course_lib.grading import points


@points(1)
def test_drops_one_space_and_nothing_else(submission):
    """Only the first colon splits, and only one space after it is dropped: everything else is text."""
    for line, value in (
        ("data:  x", " x"),
        ("data: x ", "x "),
        ("data: a: b", "a: b"),
        ("data:::", "::"),
        ("data:\tx", "\tx"),
        ("data: ", ""),
        ("data:   ", "  "),
        ("data:\u00a0x", "\u00a0x"),
    ):
        assert submission.read_field(line) == ["data", value]
    for line, text in ((":", ""), (":ping", "ping"), (":  ping", " ping"), (":: a", ": a"), (":\tping ", "\tping ")):
        assert submission.read_field(line) == ["", text]


@points(1)
def test_keeps_the_name_as_it_stands(submission):
    """A name is all that stands before the colon, or the whole line when there is none."""
    for line in ("data", "data x", "id"):
        assert submission.read_field(line) == [line, ""]
    assert submission.read_field("") == ["", ""]
    assert submission.read_field("   ") == ["   ", ""]
    for name in (" data", "data ", "Data", "x-y", "\ufeffdata"):
        assert submission.read_field(f"{name}: x") == [name, "x"]

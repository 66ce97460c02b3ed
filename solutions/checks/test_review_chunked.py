"""Instructor-only checks of review_chunked."""

from course_lib.grading import points


def judged(submission, truth):
    """The verdicts on one group of claims. Groups are all or nothing, and each holds both values."""
    verdicts = submission.review_chunked()
    return {code: verdicts.get(code) for code in truth}


@points(1)
def test_where_the_framing_belongs(submission):
    """The claims about versions and headers: http2, same_level, close_ends, keep_alive, content_type."""
    truth = {"http2": False, "same_level": False, "close_ends": True, "keep_alive": False, "content_type": True}
    assert judged(submission, truth) == truth


@points(1)
def test_what_a_boundary_means(submission):
    """The claims about boundaries and readers: one_read, recut, inside_character, faithful, browser."""
    truth = {"one_read": False, "recut": True, "inside_character": True, "faithful": False, "browser": False}
    assert judged(submission, truth) == truth


@points(1)
def test_how_a_failure_shows(submission):
    """The claims about failures: error_text, status_500, truncation, one_exception."""
    truth = {"error_text": False, "status_500": False, "truncation": True, "one_exception": False}
    assert judged(submission, truth) == truth

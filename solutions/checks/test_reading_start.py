"""Instructor-only checks of reading_start."""

import pytest

from course_lib.grading import points


@points(1)
def test_a_stall_counts_wherever_it_stands(submission):
    """The slowest place decides, be it after a burst or in the middle of the stream."""
    burst_then_stall = [1.0, 1.0, 1.0, 1.0, 3.0]
    stall_in_the_middle = [0.5, 1.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    for arrivals, start in ((burst_then_stall, 2.0), (stall_in_the_middle, 3.5)):
        assert submission.reading_start(arrivals, 4.0) == start


@points(1)
def test_slow_readers_and_ties(submission):
    """A reader who is slower than every gap starts with the first token; an empty stream gives 0.0."""
    assert submission.reading_start([], 4.0) == 0.0
    assert submission.reading_start([2.0, 2.0, 2.0], 8.0) == 2.0
    assert submission.reading_start([0.5, 1.5, 1.5, 4.0], 0.25) == 0.5


@points(1)
def test_invalid_speeds(submission):
    """A speed that is not positive raises ValueError, also for an empty stream."""
    for arrivals in ([1.0, 2.0], []):
        for speed in (0.0, -1.0):
            with pytest.raises(ValueError):
                submission.reading_start(arrivals, speed)

"""A tiny course to judge in: one exercise whose checks ask for everything that the pipe can carry."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.grading.channel import Channel, Log
from course_lib.grading.exercises import Course
from course_lib.grading.hosts import ChildHost, Control
from course_lib.grading.proxy import Submission

CHECKS = '''
"""Visible checks of double."""
import pytest
from course_lib.grading import deadline, points

EXERCISE = {
    "lesson": "01_doubling", "title": "Double a number", "kind": "value", "difficulty": 1, "easy": True,
    "stretch": False, "uses": [], "read": "lesson 01", "hints": ["a", "b", "c"], "after": "Well done.",
}

@points(2)
def test_doubles_small_numbers(submission):
    """A number is doubled."""
    for number in (0, 1, 21):
        assert submission.double(number) == 2 * number

@points(1)
def test_refuses_text(submission):
    """Text is refused with a TypeError.

    The same fault in production: nobody/nothing issue 1.
    """
    with pytest.raises(TypeError):
        submission.double("ab")

@points(1)
@deadline(1)
@pytest.mark.parametrize("number", [-1, -2])
def test_doubles_negative_numbers(submission, number):
    """Negative numbers are doubled, too."""
    assert submission.double(number) == 2 * number
'''

HIDDEN = '''
"""Instructor-only checks of double."""
from course_lib.grading import points

@points(3)
def test_keeps_the_type_of_a_float(submission):
    """A float stays a float."""
    assert submission.double(1.0) == 2.0
'''

RIGHT = """
def double(number):
    if isinstance(number, str):
        raise TypeError("not a number")
    return number * 2
"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    for folder, text in (("exercises", CHECKS), ("solutions", HIDDEN)):
        path = tmp_path / folder / "checks" / "test_double.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return Course(tmp_path)


class Hosted:
    """Starts hosts for sources, and stops them at the end of the test."""

    def __init__(self, isolation: str) -> None:
        self.isolation = isolation
        self.hosts: list[ChildHost] = []

    def control(self, source: str, uses: tuple[str, ...] = ()) -> Control:
        host = ChildHost(uses, self.isolation, number=random.randrange(40_000))
        self.hosts.append(host)
        control = Control(host.pipe, host.closed)
        control.ask("prepare", uses=list(uses), files=[], node=[])
        control.ask("run", seconds=30, cells=[["submission.py", source]])
        return control

    def __call__(self, source: str, uses: tuple[str, ...] = (), deadline: float = 10.0) -> Submission:
        control = self.control(source, uses)
        return Submission(Channel(control.session(), deadline, Log(), control))


@pytest.fixture(params=["bubblewrap", "process"])
def hosted(request: pytest.FixtureRequest) -> Iterator[Hosted]:
    """`hosted(source)` is the submission proxy of that source, in a process of its own: in the sandbox, and plain."""
    made = Hosted(request.param)
    yield made
    for host in made.hosts:
        host.stop()

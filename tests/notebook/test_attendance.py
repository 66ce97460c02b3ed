"""Who could have answered: a learner who steps, or nobody (a run by itself, a queue)."""

import pytest

from course_lib.notebook.attendance import Attendance, Request, current_request


class World:
    """A clock and a request that the test sets."""

    def __init__(self):
        self.now, self.request = 100.0, None
        self.attendance = Attendance(clock=lambda: self.now, request=lambda: self.request)

    def runs(self, sent, at, cell="c"):
        """A request that was sent at `sent` (sender's clock) is executed at `at` (the kernel's clock)."""
        self.request, self.now = Request(sent, cell), at
        return self.attendance


@pytest.fixture
def world(monkeypatch):
    monkeypatch.delenv("COURSE_UNATTENDED", raising=False)
    return World()


def test_a_request_from_a_page_names_its_cell(world):
    assert not world.runs(100, 100).unattended()
    assert world.runs(100, 100, cell=None).unattended()


def test_no_kernel_means_nobody(world):
    assert world.attendance.unattended()
    assert current_request() is None


def test_the_environment_can_say_that_nobody_is_there(world, monkeypatch):
    monkeypatch.setenv("COURSE_UNATTENDED", "1")
    assert world.runs(100, 100).unattended()


def test_run_all_sends_everything_before_the_question_appears(world):
    world.runs(100.0, 107.0).question_shown("q")  # slow cells ran before it
    assert world.runs(100.01, 107.1).queued_before("q")
    assert world.runs(100.02, 130.0).queued_before("q")


def test_a_learner_who_steps_is_not_queued(world):
    world.runs(100.0, 100.1).question_shown("q")
    assert not world.runs(105.0, 105.1).queued_before("q")


def test_a_question_shown_again_by_run_all_counts_again(world):
    world.runs(100.0, 100.1).question_shown("q")
    world.runs(200.0, 200.1).question_shown("q")
    assert world.runs(200.01, 200.2).queued_before("q")


def test_a_question_that_was_never_shown_has_no_queue(world):
    attendance = world.runs(100, 100)
    assert not attendance.was_shown("q")
    assert not attendance.queued_before("q")


def test_cells_sent_at_once_are_one_of_many(world):
    assert not world.runs(100.0, 100.0, cell="a").one_of_many()
    assert world.runs(100.003, 101.0, cell="b").one_of_many()
    assert world.runs(100.004, 102.0, cell="c").one_of_many()
    assert world.runs(100.004, 102.0, cell="c").one_of_many(), "asking twice changes nothing"


def test_a_cell_run_by_itself_is_not_one_of_many(world):
    world.runs(100.0, 100.0, cell="a").one_of_many()
    assert not world.runs(105.0, 105.0, cell="b").one_of_many()
    assert not world.runs(105.1, 105.1, cell="b").one_of_many(), "the same cell again, however fast"
    assert not world.runs(200.0, 200.0, cell=None).one_of_many()


@pytest.mark.parametrize("skew", [-3600.0, -5.0, 5.0, 3600.0])
def test_a_browser_whose_clock_is_wrong_changes_nothing(world, skew):
    world.runs(100.0 + skew, 100.05).question_shown("q")
    assert world.runs(100.01 + skew, 100.3).queued_before("q")
    assert not world.runs(108.0 + skew, 108.05).queued_before("q")

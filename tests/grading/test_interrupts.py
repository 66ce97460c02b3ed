"""Where an interrupt is raised, where it waits, and what it leaves. Signals to a real command: test_grade_command."""

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager

import pytest

from course_lib import cli
from course_lib.grading import loading, sandbox
from course_lib.grading.gradebook import Gradebook
from course_lib.grading.interrupts import interruptible, interrupts_later
from course_lib.grading.submissions import Submission
from tests.grading.conftest import RIGHT


def raised(*_, **__):
    raise KeyboardInterrupt


@contextmanager
def interrupted_at(function, event, number=signal.SIGINT):
    """Inside, the signal comes once, at this event of a function of the standard library's locks, queues and pools.

    Gives a list that is empty until then. Both signals raise KeyboardInterrupt.
    """
    came = []

    def trace(frame, what, _):
        where = os.path.basename(frame.f_code.co_filename)
        place = where in ("_base.py", "process.py", "threading.py", "queue.py") and (frame.f_code.co_name, what)
        if not came and place == (function, event):
            came.append(where)
            signal.raise_signal(number)
        return trace

    before = {one: signal.signal(one, raised) for one in (signal.SIGINT, signal.SIGTERM)}
    traced = sys.gettrace()
    try:
        sys.settrace(trace)
        yield came
    finally:
        sys.settrace(traced)
        now = {one: signal.signal(one, handler) for one, handler in before.items()}
    assert set(now.values()) == {raised}  # as they were


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_and_the_handlers_are_as_before(number):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    done = []

    def work():
        with interruptible(), interrupts_later():
            signal.raise_signal(number)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_inner_one_waits_for_the_outer_one():
    done = []

    def work():
        with interrupts_later():
            with interrupts_later():
                signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_a_thread_that_handles_no_signals_changes_nothing():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with interruptible(), interrupts_later():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_interrupt_while_a_sandbox_starts_leaves_no_process(course, monkeypatch):
    """One that nobody knows of would run on; bubblewrap's child, when nobody reads what it says, even for ever."""
    started = []
    start = sandbox.start

    def interrupted(*arguments):
        result = start(*arguments)
        started.append(result[0])
        signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(sandbox, "start", interrupted)
    submission = Submission("double.py", "alice", "python", (("double.py", RIGHT),), ("double",))
    with pytest.raises(KeyboardInterrupt):
        loading.load(submission, course.exercise("double"), "bubblewrap")
    assert [process.poll() is None for process in started] == [False]


def test_a_sandbox_ends_when_the_one_who_started_it_is_gone():
    """Also before it has begun: bubblewrap's child waits for its parent, which must not end because nobody reads."""
    ours, theirs = socket.socketpair()
    process, info = sandbox.start((), theirs.fileno(), None, sandbox.unused_user())
    for end in (info, ours, theirs):
        end.close()
    process.wait(120)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


# ---- the command


@pytest.fixture
def grade(course, tmp_path, monkeypatch, capsys):
    """`grade()` is `course grade` for two submissions: exit status and what was said."""
    monkeypatch.setenv("COURSE_ROOT", str(course.root))
    for student in ("alice", "bob"):
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / "double.py").write_text(RIGHT)

    def made():
        monkeypatch.setattr(sys, "argv", ["course", "grade", str(tmp_path / "class"), "--jobs", "1"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_entry_that_is_being_kept_is_kept(grade, monkeypatch, number):
    add = Gradebook.add

    def interrupted(*arguments):
        signal.raise_signal(number)
        add(*arguments)

    monkeypatch.setattr(Gradebook, "add", interrupted)
    status, said = grade()
    assert status == 130
    assert "interrupted: 1 of 2 graded and kept" in said


@pytest.mark.parametrize("place", ["course_lib.grading.submissions.read_submissions", "course_lib.cli_grade._write"])
def test_sigterm_is_an_interrupt_from_the_first_file_to_the_report(grade, monkeypatch, place):
    monkeypatch.setattr(place, lambda *_: signal.raise_signal(signal.SIGTERM))
    assert grade()[0] == 130


def test_an_interrupt_before_the_command_begins_shows_no_traceback(grade, monkeypatch):
    monkeypatch.setattr(cli, "app", raised)
    assert grade() == (130, "")

"""Work in processes that may die. Batches through it are in test_batch, signals to a real command in
test_grade_command.
"""

import multiprocessing
import os
import signal
import time
from multiprocessing import popen_spawn_posix
from multiprocessing.context import SpawnProcess

import pytest

from course_lib.grading import pool
from tests.grading.test_interrupts import interrupted_at


def wait_for(seconds, mark=None):
    if mark is not None and not os.path.exists(mark):
        open(mark, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)
    return seconds


def end():
    os._exit(3)


def fail():
    raise LookupError("not here")


def test_each_piece_has_its_result_also_when_its_process_died_once(tmp_path):
    pieces = [(0.0,), (0.1, tmp_path / "mark"), (0.2,), (0.3,)]
    assert dict(pool.spread(wait_for, pieces, 2, tmp_path)) == {0: 0.0, 1: 0.1, 2: 0.2, 3: 0.3}


def test_a_piece_that_no_process_survives_is_given_up(tmp_path):
    assert list(pool.spread(end, [()], 2, tmp_path)) == [(0, None)]


def test_an_error_of_the_work_is_an_error_here(tmp_path):
    with pytest.raises(LookupError, match="not here"):
        list(pool.spread(fail, [()], 2, tmp_path))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("wait", "call"),
        ("wait", "return"),  # of Event and Condition: the lock is just taken again
        ("submit", "line"),  # the first line of which is `with` two locks
        ("__enter__", "return"),  # of _AcquireFutures and Condition: locked, and the `with` block not begun
        ("__exit__", "call"),
        ("acquire", "return"),
        ("_acquire_restore", "line"),
        ("_release_save", "line"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_between_a_lock_and_its_with_block_hangs_nothing(tmp_path, monkeypatch, function, event, number):
    """Raised at these places, KeyboardInterrupt makes ProcessPoolExecutor wait for ever for its own thread."""
    results = pool.spread(wait_for, [(0.0,), (0.0,), (5.0,), (5.0,)], 2, tmp_path)
    assert next(results)[1] == 0.0
    with pytest.raises(KeyboardInterrupt), interrupted_at(function, event, number) as came:
        for _ in results:
            pass
    assert came
    assert multiprocessing.active_children() == []


def test_a_second_interrupt_while_the_processes_are_ended_ends_them_all(tmp_path, monkeypatch):
    terminate = SpawnProcess.terminate

    def interrupted(process):
        signal.raise_signal(signal.SIGINT)
        terminate(process)

    monkeypatch.setattr(SpawnProcess, "terminate", interrupted)
    results = pool.spread(wait_for, [(0.0,), (600.0,), (600.0,)], 2, tmp_path)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.close()
    assert multiprocessing.active_children() == []


def blocked_and_ignored():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGINT)


def test_a_process_that_starts_gets_no_interrupt_of_the_terminal(tmp_path, monkeypatch):
    """It would show a traceback. Later it ignores them, and what it starts is as ever."""
    blocked = []
    spawn = popen_spawn_posix.Popen._launch

    def launch(*arguments):
        blocked.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return spawn(*arguments)

    monkeypatch.setattr(popen_spawn_posix.Popen, "_launch", launch)
    assert list(pool.spread(blocked_and_ignored, [()], 1, tmp_path)) == [(0, (False, signal.SIG_IGN))]
    assert blocked == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())

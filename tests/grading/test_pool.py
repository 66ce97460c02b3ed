"""Work in processes that may die. Batches through it are in test_batch, signals to a real command in
test_grade_command.
"""

import multiprocessing
import os
import signal
import sys
import time

import pytest

from course_lib.grading import pool


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
    came = []

    def interrupt(frame, what, _):
        where = os.path.basename(frame.f_code.co_filename)
        place = where in ("_base.py", "process.py", "threading.py") and (frame.f_code.co_name, what)
        if not came and place == (function, event):
            came.append(where)
            signal.raise_signal(number)
        return interrupt

    def raised(*_):
        raise KeyboardInterrupt

    before = {one: signal.signal(one, raised) for one in (signal.SIGINT, signal.SIGTERM)}
    results = pool.spread(wait_for, [(0.0,), (0.0,), (5.0,), (5.0,)], 2, tmp_path)
    assert next(results)[1] == 0.0
    traced = sys.gettrace()
    try:
        sys.settrace(interrupt)
        with pytest.raises(KeyboardInterrupt):
            for _ in results:
                pass
    finally:
        sys.settrace(traced)
        now = {one: signal.signal(one, handler) for one, handler in before.items()}
    assert came
    assert set(now.values()) == {raised}  # as they were
    assert multiprocessing.active_children() == []

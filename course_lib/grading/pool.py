"""Work spread over processes that may die: each piece is done, or given up by name.

Rule: an interrupt is never raised while a lock of the pool may be held (interrupts), on either side.
Left out: what the work is (batch), other machines (Dask, in batch).
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from course_lib.grading.interrupts import interrupts_later
from course_lib.grading.staging import borrow_stage

MAX_DEATHS = 2  # workers that a piece of work may take with it before it is given up
LOOK = 0.3  # seconds after which an interrupt is noticed at the latest
Result = TypeVar("Result")

_working = False  # in a worker: a piece of work is being done


def spread(
    work: Callable[..., Result], pieces: Sequence[tuple[Any, ...]], jobs: int, stage: Path
) -> Generator[tuple[int, Result | None]]:
    """Calls `work(*piece)` in `jobs` processes that share `stage`; yields the number of each piece with its result.

    The result is None when every process that did it has died. A process that dies takes the pool with it: it is
    made again for what is left. An interrupt (SIGINT, SIGTERM if it raises) ends the processes and what they run.
    """
    left = dict(enumerate(pieces))
    deaths = dict.fromkeys(left, 0)
    while left:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(stage,))
        waiting: dict[Future[Result], int] = {}
        queue = sorted(left, key=lambda number: deaths[number])
        try:
            while queue or waiting:
                with interrupts_later():
                    # No more than run: an interrupt has little to wait for. Those whose worker has died come
                    # last, one at a time: the next death then tells who
                    while queue and len(waiting) < (1 if deaths[queue[0]] else jobs):
                        number = queue.pop(0)
                        waiting[_submit(pool, work, left[number])] = number
                    finished = wait(waiting, LOOK, FIRST_COMPLETED).done
                for done in finished:
                    result = done.result()
                    number = waiting.pop(done)
                    del left[number]
                    yield number, result
        except BrokenProcessPool:
            for number in waiting.values():
                deaths[number] += 1
                if deaths[number] > MAX_DEATHS:
                    del left[number]
                    yield number, None
        finally:
            with interrupts_later():
                if left:  # an interrupt, or the caller has enough: what runs is of no use
                    for process in list((pool._processes or {}).values()):
                        process.terminate()
                pool.shutdown()


def _submit(pool: ProcessPoolExecutor, work: Callable[..., Result], piece: tuple[Any, ...]) -> "Future[Result]":
    """A process that this starts gets no interrupt of the terminal before it ignores them (_start)."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_do, work, piece)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(work: Callable[..., Result], piece: tuple[Any, ...]) -> Result:
    global _working
    try:
        _working = True
        try:
            return work(*piece)
        finally:
            _working = False
    except SystemExit:  # we are told to end, and what ran has been stopped: the pool must not call this its result
        os._exit(1)


def _start(stage: Path) -> None:
    """A worker ignores the interrupt of the terminal: the one who started it decides. It ends when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _told_to_end)
    borrow_stage(stage)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _told_to_end(*_: Any) -> None:
    """Stops what runs on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a pool that is broken says it twice
    if _working:
        signal.alarm(30)  # whatever happens on the way
        sys.exit(1)
    # Between two pieces of work: perhaps a result is half written, and the reader would wait for the other half
    signal.setitimer(signal.ITIMER_REAL, 0.2)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

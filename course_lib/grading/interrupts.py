"""Interrupts of a long command: where they are raised, and where they wait.

Rule: a KeyboardInterrupt between a lock's acquire and its `with` block leaves the lock taken, and another thread
then waits for it for ever. So none is raised where such a lock may be held, or where something is half done.
Left out: what an interrupt ends (pool, batch, cli_grade).
"""

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is treated as an interrupt, too."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with _handled(signal.SIGTERM, interrupt):
        yield


@contextmanager
def interrupts_later() -> Iterator[None]:
    """A signal that comes inside is acted on at the end, by the handler that was there before."""
    came: list[int] = []

    def note(number: int, _: Any) -> None:
        came.append(number)

    try:
        with _handled(signal.SIGINT, note), _handled(signal.SIGTERM, note):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _handled(number: int, handler: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # no signal is handled here
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def ignore_at_exit() -> None:
    """Call it when nothing is left to do: what then tidies up (atexit) is not interrupted."""
    atexit.register(lambda: [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)])

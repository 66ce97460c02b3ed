"""Things that run in the background: each on a daemon thread with an event loop of its own.

Rule: `start` returns when the thing is ready, `stop` when it is gone; both have a deadline. The caller's
event loop, if there is one, is never touched. Whatever was started by a notebook cell is replaced when that
cell runs again, and everything is stopped when the interpreter or the kernel ends.
Left out: sockets and HTTP, see `engine` and `hops`.
"""

import asyncio
import atexit
import contextlib
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from course_lib.errors import MisuseError, ServerError
from course_lib.server import cells

START_DEADLINE = 10.0  # seconds
STOP_DEADLINE = 0.9
TURN_DEADLINE = 0.3  # the last part of it, in which a loop that is not blocked takes a turn
BUSY_DEADLINE = 3.0  # more, for one that does, or that no app blocks: many connections to end, or a slow machine
CLEANUP = 0.2  # seconds that cancelled tasks get for their `finally`

_running: dict["Background", cells.Origin] = {}
_lock = threading.Lock()


class Background(ABC):
    """A service with `start`, `stop` and `url`; as a context manager it is stopped at the end of the block."""

    url: str = ""

    def __init__(self, label: str) -> None:
        self.label = label
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"course-{label}", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._stop_asked = asyncio.Event()

    @abstractmethod
    async def _open(self) -> None:
        """Start to serve; runs in the thread's loop. An exception becomes a ServerError of `start`."""

    @abstractmethod
    async def _close(self) -> None:
        """End everything at once: listeners, connections, tasks."""

    def start(self) -> Self:
        """Return when ready. ServerError when `_open` fails or takes longer than 10 seconds; MisuseError when called
        again."""
        if self._thread.ident is not None:
            raise MisuseError(f"{self} was started before; to serve again, make another one")
        try:
            self._thread.start()
            if not self._ready.wait(START_DEADLINE):
                raise ServerError(f"{self} was not ready after {START_DEADLINE:g} s; {self._whereabouts()}")
            if self._failure is not None:
                failure, self._failure = self._failure, None
                if isinstance(failure, ServerError):
                    raise failure
                raise ServerError(f"{self} did not start: {failure!r}") from failure
            with _lock:
                _running[self] = cells.origin()
            return self
        except BaseException:
            with contextlib.suppress(ServerError):
                self.stop()
            raise

    def stop(self) -> None:
        """End it and everything that is open, within a second (four on a busy machine); again and again if you like.

        ServerError when code of the app holds the event loop; the thread then ends as soon as that code returns.
        """
        with _lock:
            _running.pop(self, None)
        self._stopping = True
        self._call_soon(self._stop_asked.set)
        if threading.current_thread() is self._thread or self._thread.ident is None:
            return
        self._thread.join(STOP_DEADLINE - TURN_DEADLINE)
        turned = threading.Event()
        self._call_soon(turned.set)
        self._thread.join(TURN_DEADLINE)
        if turned.is_set() or self._blocking_frame() is None:
            self._thread.join(BUSY_DEADLINE)
        if self._thread.is_alive():
            self._give_up()
            raise ServerError(f"{self} did not stop within a second; {self._whereabouts()}")
        failure, self._failure = self._failure, None
        if failure is not None:
            raise ServerError(f"{self} has ended with an error: {failure!r}") from failure

    def _call_soon(self, callback: Callable[[], None]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped by itself
                self._loop.call_soon_threadsafe(callback)

    def _give_up(self) -> None:  # noqa: B027 - not everything can free something
        """Called when the loop is blocked: free what can be freed from another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except ServerError:
            if error is None:  # an exception of the block matters more
                raise

    @property
    def running(self) -> bool:
        return self._ready.is_set() and self._thread.is_alive()

    def __repr__(self) -> str:
        return f"<{self.label} {self.url or 'not started'}{'' if self.running else ', stopped'}>"

    def _blocking_frame(self) -> FrameType | None:
        """Where in the app the thread is right now."""
        return cells.user_frame(sys._current_frames().get(self._thread.ident or 0))

    def _whereabouts(self) -> str:
        """What the thread does right now, for a person who wonders why it does not react."""
        found = self._blocking_frame()
        if found is None:
            return "its event loop is busy"
        code = found.f_code
        return (
            f"its event loop is blocked in {code.co_name}(), line {found.f_lineno} of {code.co_filename!r}. An async "
            "function must await what takes long: asyncio.sleep, not time.sleep; or use a plain def, run in a thread"
        )

    def _run(self) -> None:
        try:
            loop = asyncio.new_event_loop()  # here, where no interrupt can leave half of one
        except OSError as error:  # too many open files
            self._failure = error
            self._ready.set()
            return
        loop.set_exception_handler(self._on_loop_error)
        self._loop = loop
        if self._stopping:  # before there was a loop to tell
            self._stop_asked.set()
        try:
            loop.run_until_complete(self._main())
        except BaseException as error:  # nothing may be printed by this thread; start() reports it
            self._failure = self._failure or error
        finally:
            self._ready.set()
            with contextlib.suppress(BaseException):
                loop.run_until_complete(_settle())
            loop.close()

    async def _main(self) -> None:
        opening, stopping = asyncio.ensure_future(self._open()), asyncio.ensure_future(self._stop_asked.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
                self._ready.set()
                await stopping
        except BaseException as error:
            self._failure = self._failure or error
        finally:
            opening.cancel()
            await self._close()

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: B027
        """asyncio would log this, and logging would print it into some cell."""


async def catch_up() -> None:
    """Let the loop finish what it has begun: a connection that was just accepted takes some turns."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _settle() -> None:
    """Give what is left in a loop a short while to clean up."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await catch_up()  # on a slow machine the time may be over before the first of them had a turn
    if rest:
        await asyncio.wait(rest, timeout=CLEANUP)
    closing = asyncio.ensure_future(asyncio.get_running_loop().shutdown_asyncgens())
    await asyncio.wait((closing,), timeout=CLEANUP)  # wait_for would wait for a generator that does not want to end


def replace_older() -> None:
    """Stop what an earlier run of the current notebook cell has started."""
    here = cells.origin()
    with _lock:
        older = [thing for thing, origin in _running.items() if cells.replaces(here, origin)]
    _stop_quietly(older)


def stop_all() -> None:
    """Stop everything that runs; at exit, and for those who want a clean table."""
    with _lock:
        everything = list(_running)
    _stop_quietly(reversed(everything))


def _stop_quietly(things: Any) -> None:
    for thing in things:
        with contextlib.suppress(ServerError):
            thing.stop()


atexit.register(stop_all)

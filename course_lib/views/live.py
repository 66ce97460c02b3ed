"""Views that live in a page: HTML that Python makes and escapes, made again while there is news.

Rule: every picture is whole, so a page that comes late, or misses one, is right after the next; never more than
MAX_RATE, as the server throws away what is above its limit. The thread that draws ends when nothing has been new for
a while, and the next news starts another. So nothing runs at import, none is left behind after an interrupt, and a
script without an event loop works like a notebook. Left out: what is drawn, and drawing in the browser.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import anywidget
import traitlets

from course_lib.recording import Recording
from course_lib.views.draw import Static

MAX_RATE = 500_000  # bytes of pictures per second: half of the server's limit
AFTERGLOW, PATIENCE = 5.0, 60.0  # seconds of silence to bear when every stream has ended, and when one has not
TICK = 0.1  # seconds between pictures that move without news


class LiveView(anywidget.AnyWidget):
    """HTML in a page, and what it shows now as a fixed twin. A control in `controls` is bound to the trait it names."""

    _esm = Path(__file__).with_name("live.js")
    _css = Path(__file__).with_name("views.css")
    html = traitlets.Unicode().tag(sync=True)
    controls = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)

    def snapshot(self) -> Static:
        """What the view shows now, fixed."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, **self.snapshot()._repr_mimebundle_()}, metadata

    def __repr__(self) -> str:
        return f"<{self.title}, live>"


class Follower(LiveView):
    """A view that draws itself again while something grows; `wake()` when there is, or may soon be, news."""

    period = 0.2  # seconds between pictures

    def __init__(self, title: str) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = self._stopping = False
        super().__init__(title=title)
        self.html = self._picture()

    def wake(self) -> None:
        """Look soon; callable from any thread."""
        with self._lock:
            self._woken, self._stopping = True, False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="view", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Show what is left and end the thread. Idempotent; whatever comes later starts it again."""
        with self._lock:
            self._woken = self._stopping = True
            thread = self._thread
        if thread is not None:
            thread.join(5 + len(self.html) / MAX_RATE)  # it may be resting after a large picture

    def _look(self) -> tuple[object, float, bool]:
        """(what differs when there is news, seconds of silence to bear, does the picture move without news?)"""
        raise NotImplementedError

    def _picture(self) -> str:
        return str(self.snapshot().html)

    def _run(self) -> None:
        seen, heard, drawn = object(), 0.0, 0.0
        try:
            while True:
                self._woken = False
                now = perf_counter()
                news, patience, moves = self._look()
                if news != seen:
                    seen, heard = news, now
                if heard == now or (moves and now - drawn > TICK):
                    self.html, drawn = self._picture(), now
                with self._lock:  # whoever wakes after this finds no thread and starts one
                    if not self._woken and (self._stopping or now - heard > patience):
                        self._thread = None
                        return
                sleep(max(self.period, len(self.html) / MAX_RATE))
        finally:
            with self._lock:  # after an error too: the next wake() must find no dead thread
                if self._thread is threading.current_thread():
                    self._thread = None


class RecordingView(Follower):
    """What `state()` makes of a recording, until all its connections have ended and nothing comes any more.

    kind: what is shown of it, for the title.
    """

    def __init__(self, kind: str, state: Callable[[], Static], recording: Recording) -> None:
        self._state, self._recording = state, recording
        super().__init__(f"{kind} of {recording.title or 'a recording'}")
        self.wake()

    def snapshot(self) -> Static:
        """The recording as it is now, fixed."""
        return self._state()

    def _look(self) -> tuple[object, float, bool]:
        chunks, connections = self._recording.chunks[:], self._recording.connections
        closed = {chunk.conn for chunk in chunks if chunk.kind in ("close", "reset")}
        ended = connections and closed.issuperset(connections)
        return len(chunks), AFTERGLOW if ended else PATIENCE, False

"""The waterfall: one lane per stream, a tick per token, a mark at the first, the end and the total.

Rule: lanes hold everything, pictures.py draws it, up to 30 times a second while a stream runs. Time runs from each
lane's own start. Left out: drawing, and what the bytes of a recording mean (timeline).
"""

from time import perf_counter

from course_lib.errors import MisuseError
from course_lib.recording import Recording
from course_lib.views.draw import Static, shorten, visible
from course_lib.views.lanes import Lane
from course_lib.views.live import AFTERGLOW, PATIENCE, Follower
from course_lib.views.pictures import waterfall_html, waterfall_static
from course_lib.views.timeline import Timeline


class LaneHandle:
    """One lane, to be filled while a stream runs; callable from async code and from threads. Times are taken here."""

    def __init__(self, view: "Waterfall", lane: Lane) -> None:
        self._view, self._lane = view, lane

    def start(self) -> None:
        """The request leaves now. (A first token without it starts the lane itself.)"""
        if self._lane.started is not None:
            raise MisuseError(f"lane {self._lane.label!r} was started already; make one lane per stream")
        self._lane.started = self._view.now()
        self._view.wake()

    def token(self, text: str) -> None:
        """A token arrives now."""
        lane, now = self._lane, self._view.now()
        if not isinstance(text, str):
            raise MisuseError(f"a token is text (str), got {text!r}; leave out the chunks without content")
        if lane.ended is not None:
            raise MisuseError(f"lane {lane.label!r} has ended ({lane.ending}); make one lane per stream")
        if lane.started is None:
            lane.started = now
        lane.tokens.append((now, text))
        self._view.wake()

    def end(self, ending: str = "complete") -> None:
        """The stream ends now, in one or two words: "complete", "truncated", "error". Only the first call counts."""
        lane, now = self._lane, self._view.now()
        lane.started = now if lane.started is None else lane.started
        lane.end(now, str(ending))
        self._view.wake()


class Waterfall(Follower):
    """Live lanes; made by `waterfall(title)`. Display it in a cell that awaits, then show `snapshot()` in the next."""

    period = 0.03

    def __init__(self, title: str = "") -> None:
        self._lanes: list[Lane] = []
        self._timelines: list[Timeline] = []
        self._zero = perf_counter()
        super().__init__(visible(shorten(title, 100)))

    def now(self) -> float:
        """Seconds since this view was made."""
        return perf_counter() - self._zero

    @property
    def tokens(self) -> int:
        """Tokens in all lanes."""
        return sum(len(lane.tokens) for lane in self._lanes)

    def lane(self, label: str) -> LaneHandle:
        """A new lane at the bottom."""
        lane = Lane(str(label))
        self._lanes.append(lane)
        self.wake()
        return LaneHandle(self, lane)

    def watch(self, recording: Recording) -> None:
        """Follow a recording: a lane for each answer in it, filled as it grows.

        It ends by itself: 5 s after the last news when every stream has ended, 60 s when one has not.
        """
        self._timelines.append(Timeline(recording, self._lanes))
        self.wake()

    def stop(self) -> None:
        super().stop()
        self._timelines.clear()

    def snapshot(self) -> Static:
        """The lanes as they are now, as a picture and a table that need no scripts."""
        self._update()
        return waterfall_static(self.title, self._lanes, self.now())

    def _update(self) -> None:
        for timeline in self._timelines:
            timeline.update(self.now())

    def _look(self) -> tuple[object, float, bool]:
        self._update()
        news = [(lane.started, lane.status, len(lane.tokens), lane.ended) for lane in self._lanes]
        if all(lane.ended is not None for lane in self._lanes):
            return news, AFTERGLOW if self._timelines else 0.0, False
        return news, PATIENCE, any(lane.started is not None and lane.ended is None for lane in self._lanes)

    def _picture(self) -> str:
        return waterfall_html(self.title, self._lanes, self.now())

    def __repr__(self) -> str:
        return f"<waterfall {self.title!r}: {len(self._lanes)} lanes, {self.tokens} tokens>"


def waterfall(title: str = "") -> Waterfall:
    """An empty waterfall: display it, then fill it with `.lane(label)` or `.watch(recording)`."""
    return Waterfall(title)

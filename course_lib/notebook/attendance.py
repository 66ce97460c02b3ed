"""Could a person have answered? Tells a learner who steps through a notebook from one that runs by itself.

Rule: three signs say that nobody can answer. The environment says so (COURSE_UNATTENDED). The request that runs
this cell came from no notebook page: pages name the cell in the request (`cellId`), nbclient, nbval and scripts do
not. Or the request was already waiting when the question appeared ("Run All"). Left out: what follows from it.
"""

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

SLACK = 1.0  # seconds after the question appeared within which nobody has read it
AT_ONCE = 0.2  # seconds between two requests that no hand sends so fast


@dataclass(frozen=True, slots=True)
class Request:
    """The request that the kernel executes: when it was sent (seconds, sender's clock) and from which cell."""

    sent: float
    cell: str | None


def current_request() -> Request | None:
    """The execute request that runs now; None outside a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    parent = kernel.get_parent("shell")
    sent = getattr(parent.get("header", {}).get("date"), "timestamp", time.time)()
    return Request(sent, parent.get("metadata", {}).get("cellId"))


class Attendance:
    """Remembers when each question appeared, and judges requests by it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        request: Callable[[], Request | None] = current_request,
    ) -> None:
        self._clock, self._request = clock, request
        self._shown: dict[str, float] = {}
        self._offset = math.inf  # kernel clock minus browser clock: the smallest difference seen is the best estimate
        self._latest: Request | None = None
        self._before: Request | None = None  # the latest from another cell

    def watch(self) -> None:
        """See every cell of this kernel from now on, not only those that ask."""
        from IPython.core.getipython import get_ipython

        self._observe(self._request())
        shell = get_ipython()
        if shell is not None:
            shell.events.register("pre_run_cell", lambda _: self._observe(self._request()))

    def unattended(self) -> bool:
        """True when no page is there to click on."""
        request = self._request()
        self._observe(request)
        return bool(os.environ.get("COURSE_UNATTENDED")) or request is None or request.cell is None

    def question_shown(self, id: str) -> None:
        self._observe(self._request())
        self._shown[id] = self._clock()

    def was_shown(self, id: str) -> bool:
        return id in self._shown

    def queued_before(self, id: str) -> bool:
        """True when the running request was sent before anyone could have read question `id`."""
        request = self._request()
        self._observe(request)
        if request is None or id not in self._shown:
            return False
        return request.sent + self._offset <= self._shown[id] + SLACK

    def one_of_many(self) -> bool:
        """True when a page sent this cell together with others ("Run All")."""
        request = self._request()
        self._observe(request)
        if request is None or request.cell is None or self._before is None:
            return False
        return request.sent - self._before.sent < AT_ONCE

    def _observe(self, request: Request | None) -> None:
        if request is None:
            return
        self._offset = min(self._offset, self._clock() - request.sent)
        if self._latest is not None and self._latest.cell != request.cell:
            self._before = self._latest
        self._latest = request


attendance = Attendance()
if current_request() is not None:
    attendance.watch()

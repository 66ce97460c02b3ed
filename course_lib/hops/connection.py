"""One connection through a hop: two ends, and what passes between them.

Rule: bytes are recorded before they are passed on, so whoever has received a byte finds it in the recording.
What one side does to its connection is done to the other: half a close (FIN), a whole one, a reset (RST).
A side that does not read stops the side that writes; about 64 KiB are held for each direction.
Left out: what is done to the bytes, see `Between`.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from course_lib.hops.actions import Action, Between, Close, Forward, Send, Wait
from course_lib.hops.end import HIGH_WATER, End, Side

CONNECT_DEADLINE = 5.0  # seconds
LOOK_AGAIN = 0.002  # seconds
LINGER = 1.0  # seconds that a client gets to close, too, after it was sent a FIN
Note = Callable[[Side, str, bytes], None]


class Connection:
    """Passes bytes between a client and the `upstream` address; `note(side, kind, data)` hears of everything."""

    def __init__(
        self,
        upstream: tuple[str, int],
        between: Between,
        note: Note,
        clock: Callable[[], float],
        forget: Callable[["Connection"], None],
    ) -> None:
        self.upstream = upstream
        self.between = between
        self.note = note
        self.clock = clock
        self.forget = forget
        self.client = End(self, "client")
        self.server = End(self, "server")
        self.queue: deque[Action] = deque()  # what is to be done for the client, one piece per turn of the loop
        self.waiting: list[asyncio.Handle | asyncio.Task[None]] = []
        self.wake: asyncio.TimerHandle | None = None
        self.moving = False

    def opened(self, end: End) -> None:
        self.note(end.side, "open", b"")
        if end is self.client:
            end.pause()  # until there is somebody to pass it on to
            self.waiting.append(asyncio.get_running_loop().create_task(self._connect()))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await loop.create_connection(lambda: self.server, *self.upstream)
        except OSError:  # TimeoutError is one
            self._obey(self.between.unreachable(self.clock()))
        else:
            self._obey(self.between.tick(self.clock()))
        self.client.resume()

    def received(self, end: End, data: bytes) -> None:
        if end is self.client:
            self.note("client", "data", data)
            self._obey(self.between.asked(data, self.clock()))
        else:
            self._obey(self.between.feed(data, self.clock()))

    def finished(self, end: End) -> None:
        """`end` has sent its FIN; it may still read."""
        if end is self.server:
            self._obey(self.between.end(self.clock()))
            return
        self.note("client", "close", b"")
        if self.client.finishing or self.server.transport is None:
            self.end()
        self.flow()

    def _obey(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Forward):
                self.server.write(action.data)
            else:
                self.queue.append(action)
        if not self.moving:
            self.move()

    def move(self) -> None:
        """Do what is next; further pieces in further turns, so that a reader has a chance to see them apart."""
        self.moving = False
        if self.queue and not self.client.full:
            action = self.queue.popleft()
            if isinstance(action, Send):
                self.note("server", "data", action.data)
                self.client.write(action.data)
            elif isinstance(action, Wait):
                self._wake_at(action.until)
            elif isinstance(action, Close):
                self.note("server", "reset" if action.reset else "close", b"")
                self._break() if action.reset else self._part()
        if self.queue and not self.client.full:
            self.moving = True
            asyncio.get_running_loop().call_soon(self.move)
        self.flow()

    def flow(self) -> None:
        """Let each side send as long as the other one reads."""
        if self.queue or self.client.full or self.between.held > HIGH_WATER:
            self.server.pause()
        else:
            self.server.resume()
        if self.server.full or self.between.waiting > HIGH_WATER:
            self.client.pause()
        elif self.server.transport is not None:
            self.client.resume()
        if self.client.ended and not self.between.waiting:
            self.server.finish()

    def _wake_at(self, time: float) -> None:
        if self.wake is not None:
            self.wake.cancel()
        loop = asyncio.get_running_loop()
        self.wake = loop.call_later(max(0.0, time - self.clock()), lambda: self._obey(self.between.tick(self.clock())))

    def _part(self) -> None:
        """FIN to the client. Its own FIN ends the connection; if the server is gone, so does a second.

        Closing at once would reset the connection when bytes of the client were not read yet.
        """
        self.client.finish()
        if self.client.ended:
            self.end()
        elif not self.server.ended:
            self.server.abort()
            self.waiting.append(asyncio.get_running_loop().call_later(LINGER, self.end))

    def _break(self) -> None:
        """RST to the client, behind what it was sent: a reset destroys what is still on its way out."""
        self.server.abort()
        if self.client.unsent:
            self.wake = asyncio.get_running_loop().call_later(LOOK_AGAIN, self._break)
        else:
            self.client.reset()

    def lost(self, end: End, error: Exception | None) -> None:
        other = self.server if end is self.client else self.client
        if error is not None:
            if end is self.client and (rest := end.unread()):
                self.note("client", "data", rest)
            self.note(end.side, "reset", b"")
            other.reset()
        if self.client.gone and (self.server.gone or self.server.transport is None):
            self._clear()

    def end(self) -> None:
        """Close both ends, after what is still to be written."""
        self.client.close()
        self.server.close()

    def abort(self) -> None:
        """Close both ends at once."""
        self._clear()
        self.client.abort()
        self.server.abort()

    def _clear(self) -> None:
        self.queue.clear()
        for waiting in (*self.waiting, self.wake):
            if waiting is not None:
                waiting.cancel()
        self.forget(self)

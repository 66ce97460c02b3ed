"""What a view has read of a recording so far: each chunk once, whoever asks, from whichever thread.

Rule: a recording only grows, so a number is enough to remember. Left out: what the bytes mean (the views).
"""

from threading import Lock

from course_lib.errors import MisuseError
from course_lib.recording import Chunk, Recording


class Heard:
    """`update()` takes in what was added to the recording since the last call, by `_take(chunk)`.

    MisuseError for what is no recording.
    """

    def __init__(self, recording: Recording) -> None:
        if not isinstance(recording, Recording):
            raise MisuseError(f"expected a Recording, such as `tap(url).recording`; got {type(recording).__name__}")
        self._recording = recording
        self._read = 0
        self._lock = Lock()
        self.update()

    def update(self) -> None:
        """Decode the chunks that are new; callable from any thread."""
        with self._lock:
            self._take_fresh()

    def _take_fresh(self) -> list[Chunk]:
        fresh = self._recording.chunks[self._read :]
        self._read += len(fresh)
        for chunk in fresh:
            self._take(chunk)
        return fresh

    def _take(self, chunk: Chunk) -> None:
        raise NotImplementedError

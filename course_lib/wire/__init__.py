"""Wire formats: bytes in, values out. No socket, no clock, no thread, no event loop.

Every decoder of this package follows one rule, written here once:

* `feed(data)` returns a list of what became complete. Needing more data is an empty list, never an error.
* What comes out, errors included, does not depend on how the bytes are cut; the work is linear in the bytes;
  every buffer has a limit.
* A broken stream raises `WireError` (`LimitExceeded` for a limit) at the byte that makes it certain. What the same
  call had completed before is on the error as `finished`; every later call raises that error again.
* `close()` says that no more bytes will come. Framings that know their end report truncation there. It may be
  called again; `feed` after it is `MisuseError`.

Left out on purpose: everything that a payload means (JSON, `[DONE]`). That belongs to the layer above.
"""

from typing import Generic, TypeVar

from course_lib.errors import LimitExceeded, MisuseError, WireError

MAX_REST = 1_000_000  # bytes behind the end of a message that are kept for a caller who does not look at `done`

Value = TypeVar("Value")


class Decoder(Generic[Value]):
    """The contract above. A format fills in `_decode`, and `_check_end` if it knows its own end."""

    def __init__(self) -> None:
        self._failure: Exception | None = None  # what every further feed raises: a WireError, or misuse after close

    def feed(self, data: bytes) -> list[Value]:
        """Take the next bytes; return the values they complete. Raises WireError, MisuseError."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        if type(data) is not bytes:
            data = to_bytes(data)
        values: list[Value] = []
        if data:
            try:
                self._decode(data, values)
            except WireError as error:
                error.finished = tuple(values)
                self._failure = error
                raise
        return values

    def close(self) -> None:
        """No more bytes will come. Raises WireError if the format can tell that some are missing, or was broken."""
        if isinstance(self._failure, MisuseError):
            return
        if self._failure is None:
            try:
                self._check_end()
            except WireError as error:
                self._failure = error
                raise
            self._failure = MisuseError(
                f"{type(self).__name__}.feed() was called after close(). A decoder serves one stream: make a new one."
            )
        else:
            raise self._failure.with_traceback(None)

    def _decode(self, data: bytes, values: list[Value]) -> None:
        """Append to `values` what `data` (never empty) completes."""
        raise NotImplementedError

    def _check_end(self) -> None:
        """Raise WireError if the stream must not end here."""


class FramedDecoder(Decoder[Value]):
    """A format that knows its own end. There `done` becomes true; the bytes behind it, `rest`, are not its own.

    Ask `done` after each `feed` and hand `rest` to the decoder of what follows. Bytes fed later join `rest`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        return bytes(self._rest)

    def _decode(self, data: bytes, values: list[Value]) -> None:
        if self.done and len(self._rest) + len(data) > MAX_REST:
            raise LimitExceeded(
                f"More than {MAX_REST:,} bytes were fed after the end. When `done` is true, hand `rest` and what "
                "follows to the next decoder."
            )
        start = 0
        while start < len(data) and not self.done:
            start = self._step(data, start, values)
        self._rest += data[start:]

    def _step(self, data: bytes, start: int, values: list[Value]) -> int:
        """Take some bytes of `data`, at least one, beginning at `start`; return where the next step begins."""
        raise NotImplementedError


def to_bytes(data: object) -> bytes:
    """A private copy: the caller may reuse a bytearray, and decoders hold on to pieces. Raises MisuseError."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise MisuseError(
        f"Expected the bytes of the stream, got {type(data).__name__}. Pass what the socket gave: in text that was "
        "decoded too early, a character may already be broken."
    )


def check_limit(name: str, value: int) -> int:
    """Return `value` if it can be a limit in bytes: a whole number of at least 1. Raises MisuseError."""
    if type(value) is not int or value < 1:
        raise MisuseError(f"{name} is a number of bytes, 1 or more; got {value!r}.")
    return value

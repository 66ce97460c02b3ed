"""The judge's pipe: messages as length-framed JSON on a socket.

Rule: every read has a deadline and every message a largest size, because the other side may be
hostile; whatever arrives, the answer is a message or a PipeError. File descriptors are passed only
from the judge to the host, never back.
Left out: what the messages mean (host, proxy).
"""

from __future__ import annotations

import json
import re
import socket
import struct
import time

from course_lib.errors import DeadlineExceeded, PipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE = 64 * 1024 * 1024
MAX_VALUES = 2_000_000  # in a message: as objects they take up to a hundred times the room of their text
_LENGTH = struct.Struct(">I")
_TEXT = rb'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # as JSON writes it; compiled when it is needed, which is hardly ever


def encode(message: Any) -> bytes:
    """The body of a message. Raises PipeError when it is too large, or holds too many values."""
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_MESSAGE:
        raise PipeError(f"a message of {len(body):,} bytes is larger than {MAX_MESSAGE:,} bytes, the largest allowed")
    _count(body)
    return body


def _count(body: bytes | bytearray) -> None:
    """Raises PipeError when there are more than MAX_VALUES in it, as told by what opens and separates them."""
    if _separators(body) > MAX_VALUES and _separators(re.sub(_TEXT, b"", body)) > MAX_VALUES:
        raise PipeError(f"a message of more than {MAX_VALUES:,} values, the largest allowed number")


def _separators(body: bytes | bytearray) -> int:
    return sum(map(body.count, (b"[", b"{", b",")))


class Pipe:
    """One end of a connected stream socket. Not thread-safe: one question at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, message: Any, seconds: float | None = None, fds: tuple[int, ...] = ()) -> None:
        """Sends one message. Raises PipeError when it is too large or the other side is gone, DeadlineExceeded
        when the other side does not take it within `seconds`."""
        self.send_encoded(encode(message), seconds, fds)

    def send_encoded(self, body: bytes, seconds: float | None = None, fds: tuple[int, ...] = ()) -> None:
        """The same for a message that `encode` has made."""
        self.sock.settimeout(seconds)
        head = _LENGTH.pack(len(body))
        try:
            if fds:
                socket.send_fds(self.sock, [head], list(fds))
                self.sock.sendall(body)
            elif len(body) < 65536:
                self.sock.sendall(head + body)
            else:
                self.sock.sendall(head)
                self.sock.sendall(body)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the other side took no message within {seconds:g} s") from error
        except OSError as error:
            raise PipeError(f"the other side is gone ({error.strerror or error})") from error

    def receive(self, seconds: float | None = None, fds: int = 0, limit: int = MAX_MESSAGE) -> Any:
        """One message of at most `limit` bytes (with `fds`: a pair of message and list of descriptors).

        Raises DeadlineExceeded when it is not there within `seconds`, PipeError when the other side ended or
        what came is no message.
        """
        until = None if seconds is None else time.monotonic() + seconds
        received: list[int] = []
        head = b""
        if fds:
            self._set_deadline(until)
            head, received, _, _ = socket.recv_fds(self.sock, _LENGTH.size, fds)
            if not head:
                raise PipeError("the other side ended")
        head = head + self._exactly(_LENGTH.size - len(head), until)
        (length,) = _LENGTH.unpack(head)
        if length > limit:
            raise PipeError(f"a message of {length:,} bytes was announced; the largest allowed is {limit:,}")
        body = self._exactly(length, until)
        _count(body)
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise PipeError(f"what came is no message: {error}") from error
        return (message, received) if fds else message

    def close(self) -> None:
        self.sock.close()

    def _set_deadline(self, until: float | None) -> None:
        if until is None:
            self.sock.settimeout(None)
        else:
            self.sock.settimeout(max(until - time.monotonic(), 0.000_001))

    def _exactly(self, count: int, until: float | None) -> bytearray:
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            self._set_deadline(until)
            try:
                size = self.sock.recv_into(view[got:])
            except TimeoutError as error:
                raise DeadlineExceeded("no answer within the deadline") from error
            except OSError as error:
                raise PipeError(f"the other side is gone ({error.strerror or error})") from error
            if not size:
                raise PipeError("the other side ended")
            got += size
        return buffer

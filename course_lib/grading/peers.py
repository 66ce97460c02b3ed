"""A scripted raw server: the other side of a client exercise.

Rule: it speaks bytes, on loopback, one thread per connection, and does exactly what the check's
handler says, so that order can be proved by causality: the handler holds the next byte back until
the check saw what it waited for. Left out: every protocol but the head of a request.
"""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

MAX_BODY = 1_000_000  # bytes of a request
PATIENCE = 10.0  # seconds that any wait of a handler lasts at most


@dataclass(frozen=True)
class Request:
    """The request that opened a connection. Header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Conn:
    """One accepted connection, in the handler's thread."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = self._read_request()
        self.closed_by_client = threading.Event()
        threading.Thread(target=self._watch, name="peer-watch", daemon=True).start()

    def send(self, data: bytes) -> None:
        """Sends all of it. ConnectionError once the client is gone."""
        self.sock.sendall(data)

    def close(self) -> None:
        """Ends properly (FIN)."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_closed(self, timeout: float = PATIENCE) -> bool:
        """True as soon as the client has closed its side; False when it has not within `timeout` seconds."""
        return self.closed_by_client.wait(timeout)

    def _read_request(self) -> Request:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.sock.recv(65536)
            if not piece or len(data) > 1_000_000:
                raise ConnectionError("no request came")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:9]) > MAX_BODY:
            raise ConnectionError("a request whose length makes no sense")
        while len(body) < int(length):
            piece = self.sock.recv(65536)
            if not piece:
                raise ConnectionError("half a request came")
            body += piece
        method, path, *_ = [*first.split(" "), ""]
        return Request(method, path, headers, body)

    def _watch(self) -> None:
        """Nothing more is expected from the client: what comes now is its end."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: we closed it ourselves
            # In short waits: as long as one lasts, the socket cannot be reset
            while not select.select([self.sock], [], [], 0.02)[0] or self.sock.recv(65536):
                pass
        self.closed_by_client.set()


class Peer:
    """The fixture `peer`: `url = peer(handler)` starts a server whose connections `handler(conn)` serves."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.conns: list[Conn] = []
        self.failures: list[BaseException] = []
        self._listeners: list[socket.socket] = []

    def __call__(self, handler: Callable[[Conn], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, handler), name="peer", daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    @property
    def connections(self) -> int:
        """Connections that have sent a request so far."""
        return len(self.conns)

    def stop(self) -> None:
        for sock in [*self._listeners, *(conn.sock for conn in self.conns)]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self, listener: socket.socket, handler: Callable[[Conn], None]) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock, handler), name="peer-conn", daemon=True).start()

    def _serve(self, sock: socket.socket, handler: Callable[[Conn], None]) -> None:
        try:
            conn = Conn(sock)
        except OSError:
            sock.close()
            return
        self.conns.append(conn)
        self.requests.append(conn.request)
        try:
            handler(conn)
        except OSError:
            pass  # the client left: the check sees that on its own side
        except BaseException as error:
            self.failures.append(error)
        finally:
            conn.close()

"""Peers for tests of hops: a server that does what a test tells it, and an app that knows whether it was heard."""

import asyncio
import socket
import threading
import time


class Peer:
    """A server on a socket: `handler(connection)` in a thread per connection; a context manager."""

    def __init__(self, handler):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.handler = handler
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(60)
            self.threads.append(threading.Thread(target=self.run, args=(connection,)))
            self.threads[-1].start()

    def run(self, connection):
        with connection:
            self.handler(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(60)


def read_exactly(connection, size):
    """So many bytes, or fewer when the end comes first. (MSG_WAITALL waits for nothing on a socket with a timeout.)"""
    data = b""
    while len(data) < size and (part := connection.recv(size - len(data))):
        data += part
    return data


class Telling:
    """An app that sends "first", waits until the client says that it has it, and sends "heard" or "not heard".

    So order is proved by causality: what passes at once is "heard" (`patience` in seconds is only a deadline), what
    a hop holds back cannot be. `/x` asks not to be buffered, `/length` announces its length, `/plain` allows gzip.
    """

    def __init__(self, patience):
        self.patience = patience
        self.got_first = threading.Event()
        self.left = threading.Event()

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        headers = [(b"content-type", b"text/event-stream")]
        headers += [(b"x-accel-buffering", b"no")] if "x" in scope["path"] else []
        headers += [(b"content-length", b"14")] if "length" in scope["path"] else []
        headers += [(b"cache-control", b"no-store, no-transform")] if "plain" not in scope["path"] else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        leaving = asyncio.create_task(self.until_left(receive))
        for _ in range(int(self.patience * 100)):
            if self.got_first.is_set() or leaving.done():
                break
            await asyncio.sleep(0.01)
        leaving.cancel()
        await send({"type": "http.response.body", "body": b"heard    " if self.got_first.is_set() else b"not heard"})

    async def until_left(self, receive):
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    def ask(self, client, url, **options):
        """The text of the answer; the app is told as soon as "first" is there."""
        self.got_first.clear()
        text = ""
        with client.stream(options.pop("method", "GET"), url, **options) as answer:
            answer.raise_for_status()
            for part in answer.iter_text():
                text += part
                if text == "first":
                    self.got_first.set()
        return text.strip()


def eventually(condition, patience=60):
    """What `condition()` gives as soon as it is true; what it gave last if it is not within so many seconds."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return value


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def read_to_end(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


ENDLESS = 200_000_000  # bytes: more than the sockets on the way can hold, whatever the system lets them grow to


def send_until_stuck(connection, data=b"x" * 65536, most=ENDLESS, patience=0.5):
    """Send `data` again and again until nobody reads for `patience` seconds; the number of bytes that were taken."""
    connection.settimeout(patience)
    sent = 0
    try:
        while sent < most:
            sent += connection.send(data)
    except TimeoutError:
        pass
    return sent

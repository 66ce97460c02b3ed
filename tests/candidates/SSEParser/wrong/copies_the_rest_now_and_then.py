"""Collects eight reads and appends them to one bytes object: the rest is copied on every eighth feed."""


class SSEParser:
    def __init__(self, max_event_size: int = 1_000_000):
        self.last_event_id = ""
        self.retry = None
        self._limit = max_event_size
        self._size = 0
        self._tail, self._reads = b"", []
        self._after_cr = False
        self._first = True
        self._closed = False
        self._event, self._data, self._id = "", [], ""

    def feed(self, data: bytes) -> list:
        if self._closed:
            raise ValueError("feed() after close()")
        if not data:
            return []
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        *finished, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events = []
        for piece in finished:
            self._size += len(piece)
            line = self._tail + b"".join(self._reads) + piece
            self._tail, self._reads = b"", []
            if self._first:
                line = line.removeprefix(b"\xef\xbb\xbf")
                self._first = False
            self._check()
            if line:
                self._field(line)
            else:
                self._dispatch(events)
        self._size += len(rest)
        self._reads.append(rest)
        if len(self._reads) == 8:
            self._tail += b"".join(self._reads)
            self._reads = []
        self._check()
        return events

    def close(self) -> None:
        self._closed = True

    def _check(self):
        if self._size > self._limit:
            raise ValueError(f"an event is larger than {self._limit} bytes")

    def _field(self, line):
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _dispatch(self, events):
        self.last_event_id = self._id
        if self._data:
            events.append({"event": self._event or "message", "data": "\n".join(self._data), "id": self._id})
        self._event, self._data, self._size = "", [], 0

"""Decodes the bytes of each feed by itself: a character cut in two becomes several U+FFFD."""


class SSEParser:
    def __init__(self, max_event_size: int = 1_000_000):
        self.last_event_id = ""
        self.retry = None
        self._limit = max_event_size
        self._size = 0
        self._line = []
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
        data = data.decode("utf-8", "replace").encode()
        *finished, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events = []
        for piece in finished:
            self._keep(piece)
            line = b"".join(self._line)
            self._line.clear()
            if self._first:
                line = line.removeprefix(b"\xef\xbb\xbf")
                self._first = False
            if line:
                self._field(line)
            else:
                self._dispatch(events)
        self._keep(rest)
        return events

    def close(self) -> None:
        self._closed = True

    def _keep(self, piece):
        if piece:
            self._size += len(piece)
            if self._size > self._limit:
                raise ValueError(f"an event is larger than {self._limit} bytes")
            self._line.append(piece)

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

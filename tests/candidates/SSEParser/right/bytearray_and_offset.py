"""A bytearray that is searched only from where the last search ended, cut once per feed."""

import re

LINE_END = re.compile(rb"\r\n|\r|\n")


class SSEParser:
    def __init__(self, max_event_size: int = 1_000_000):
        self.retry = None
        self.last_event_id = ""
        self._max = max_event_size
        self._buffer = bytearray()
        self._searched = 0
        self._skip_lf = False
        self._open = True
        self._start = True
        self._spent = 0
        self._reset("")

    def _reset(self, id):
        self._type, self._lines, self._next_id, self._spent = None, None, id, 0

    def feed(self, data: bytes) -> list:
        if not self._open:
            raise ValueError("this parser is closed")
        if data and self._skip_lf:
            self._skip_lf = False
            if data[:1] == b"\n":
                data = data[1:]
        self._buffer += data
        out, begin = [], 0
        while found := LINE_END.search(self._buffer, max(begin, self._searched)):
            line = bytes(self._buffer[begin : found.start()])
            if found.end() == len(self._buffer) and found.group() == b"\r":
                self._skip_lf = True
            begin = self._searched = found.end()
            self._line(line, out)
        del self._buffer[:begin]
        self._searched = len(self._buffer)
        self._check(len(self._buffer))
        return out

    def _check(self, more):
        if self._spent + more > self._max:
            raise ValueError(f"more than {self._max} bytes in one event")

    def _line(self, line, out):
        self._check(len(line))
        self._spent += len(line)
        if self._start:
            self._start = False
            if line[:3] == b"\xef\xbb\xbf":
                line = line[3:]
        if line == b"":
            self.last_event_id = self._next_id
            if self._lines is not None:
                out.append({"event": self._type or "message", "data": "\n".join(self._lines), "id": self._next_id})
            self._reset(self._next_id)
            return
        name, _, value = line.partition(b":")
        text = (value[1:] if value[:1] == b" " else value).decode("utf-8", "replace")
        if name == b"data":
            self._lines = self._lines or []
            self._lines.append(text)
        elif name == b"event":
            self._type = text
        elif name == b"id" and b"\0" not in value:
            self._next_id = text
        elif name == b"retry" and re.fullmatch(r"[0-9]+", text):
            self.retry = int(text)

    def close(self) -> None:
        self._open = False
        self._buffer.clear()

"""Text first, with an incremental decoder, and a generator as the consumer of finished lines."""

import codecs
import io


class SSEParser:
    def __init__(self, max_event_size=1_000_000):
        self.last_event_id, self.retry = "", None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._part = io.StringIO()
        self._cr = False
        self._limit, self._used = max_event_size, 0
        self._seen_text = self._done = False
        self._out = []
        self._count_cr, self._blank = False, True
        self._lines = self._consume()
        next(self._lines)

    def feed(self, data):
        if self._done:
            raise ValueError("feed after close")
        self._count(data)
        text = self._decoder.decode(data)
        if text and not self._seen_text:
            self._seen_text = True
            text = text[1:] if text[0] == "\ufeff" else text
        if text:
            if self._cr and text[0] == "\n":
                text = text[1:]
            self._cr = text[-1:] == "\r"
        *whole, last = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            self._part.write(line)
            self._lines.send(self._part.getvalue())
            self._part = io.StringIO()
        self._part.write(last)
        out, self._out = self._out, []
        return out

    def _count(self, data):
        """Bytes of the lines since the last blank line, found on the bytes themselves."""
        text = data[1:] if self._count_cr and data[:1] == b"\n" else data
        if data:
            self._count_cr = data.endswith(b"\r")
        for index, piece in enumerate(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")):
            if index:
                self._used = 0 if self._blank else self._used
                self._blank = True
            if piece:
                self._blank = False
                self._used += len(piece)
                if self._used > self._limit:
                    raise ValueError("too large")

    def _consume(self):
        kind, data, id = "", [], ""
        while True:
            line = yield
            if line == "":
                self.last_event_id = id
                if data:
                    self._out.append({"event": kind or "message", "data": "\n".join(data), "id": id})
                kind, data = "", []
                continue
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            match name:
                case "data":
                    data.append(value)
                case "event":
                    kind = value
                case "id" if "\0" not in value:
                    id = value
                case "retry" if value.isdecimal() and value.isascii():
                    self.retry = int(value)

    def close(self):
        self._done = True

"""One byte at a time through a small state machine, no splitting at all."""

CR, LF = 13, 10


class SSEParser:
    def __init__(self, max_event_size=1_000_000):
        self.last_event_id = ""
        self.retry = None
        self.limit = max_event_size
        self.size = 0
        self.line = bytearray()
        self.skip_lf = False
        self.lines_seen = 0
        self.closed = False
        self.buffers = {"event": "", "data": "", "id": ""}

    def feed(self, data):
        if self.closed:
            raise ValueError("closed")
        events = []
        for byte in data:
            if byte == LF and self.skip_lf:
                self.skip_lf = False
                continue
            self.skip_lf = byte == CR
            if byte in (CR, LF):
                event = self.end_of_line()
                if event is not None:
                    events.append(event)
                continue
            self.size += 1
            if self.size > self.limit:
                raise ValueError("event too large")
            self.line.append(byte)
        return events

    def end_of_line(self):
        text = self.line.decode("utf-8", errors="replace")
        self.line = bytearray()
        self.lines_seen += 1
        if self.lines_seen == 1 and text.startswith("\ufeff"):
            text = text[1:]
        if not text:
            return self.dispatch()
        if text.startswith(":"):
            return None
        field, colon, value = text.partition(":")
        if colon and value.startswith(" "):
            value = value[1:]
        if field == "data":
            self.buffers["data"] += value + "\n"
        elif field == "event":
            self.buffers["event"] = value
        elif field == "id":
            if "\x00" not in value:
                self.buffers["id"] = value
        elif field == "retry" and value and all(c in "0123456789" for c in value):
            self.retry = int(value)
        return None

    def dispatch(self):
        self.size = 0
        self.last_event_id = self.buffers["id"]
        data, kind = self.buffers["data"], self.buffers["event"]
        self.buffers["data"] = self.buffers["event"] = ""
        if not data:
            return None
        return {"event": kind or "message", "data": data[:-1], "id": self.last_event_id}

    def close(self):
        self.closed = True

"""A class with one method per field."""

import io


class Stream:
    def __init__(self):
        self.events, self.last, self.pending_id, self.wait = [], "", "", None
        self.clear()

    def clear(self):
        self.kind, self.lines = "", None

    def on_data(self, value):
        self.lines = [value] if self.lines is None else [*self.lines, value]

    def on_event(self, value):
        self.kind = value

    def on_id(self, value):
        if chr(0) not in value:
            self.pending_id = value

    def on_retry(self, value):
        if value and all("0" <= character <= "9" for character in value):
            self.wait = int(value)

    def blank(self):
        self.last = self.pending_id
        if self.lines is not None:
            self.events.append({"event": self.kind or "message", "data": "\n".join(self.lines), "id": self.last})
        self.clear()


def parse_events(raw):
    stream = Stream()
    known = {"data": stream.on_data, "event": stream.on_event, "id": stream.on_id, "retry": stream.on_retry}
    for line in io.StringIO(raw, newline=None):
        if line == "\n":
            stream.blank()
        elif line.endswith("\n"):
            name, _, value = line[:-1].partition(":")
            known.get(name, lambda value: None)(value.removeprefix(" "))
    return {"events": stream.events, "last_event_id": stream.last, "retry": stream.wait}

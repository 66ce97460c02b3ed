"""Looks for text/event-stream anywhere in the header."""

import httpx


class Events:
    """Enough of a parser for these streams: LF only."""

    def __init__(self):
        self.pieces, self.lines, self.id = [], [], ""

    def feed(self, data):
        *whole, rest = data.split(b"\n")
        for piece in whole:
            line = b"".join([*self.pieces, piece]).decode()
            self.pieces = []
            if line:
                self.lines.append(line)
                continue
            fields = [line.split(": ", 1) for line in self.lines]
            self.lines = []
            self.id = dict(fields).get("id", self.id)
            if values := [value for name, value in fields if name == "data"]:
                yield {"event": dict(fields).get("event", "message"), "data": "\n".join(values), "id": self.id}
        self.pieces.append(rest)


def stream_events(url):
    with httpx.stream("GET", url, timeout=httpx.Timeout(None, connect=5.0)) as response:
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}")
        media_type = response.headers.get("content-type", "").lower()
        if "text/event-stream" not in media_type:
            raise ValueError(f"not an event stream: {media_type!r}")
        parser = Events()
        for data in response.iter_bytes():
            yield from parser.feed(data)

"""An iterator of its own whose close() only notes that nobody reads any more."""

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


class stream_events:
    def __init__(self, url):
        self.client = httpx.Client(timeout=httpx.Timeout(None, connect=5.0))
        self.response = self.client.send(self.client.build_request("GET", url), stream=True)
        if self.response.status_code != 200:
            raise RuntimeError(f"status {self.response.status_code}")
        media_type = self.response.headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type != "text/event-stream":
            raise ValueError(f"not an event stream: {media_type!r}")
        self.parser, self.data, self.ready, self.over = Events(), self.response.iter_bytes(), [], False

    def __iter__(self):
        return self

    def __next__(self):
        while not self.ready:
            if self.over:
                raise StopIteration
            self.ready = list(self.parser.feed(next(self.data)))
        return self.ready.pop(0)

    def close(self):
        self.over = True

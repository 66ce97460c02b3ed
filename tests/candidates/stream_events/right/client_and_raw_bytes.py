"""A client of its own, raw bytes, closed by hand in a finally."""

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
    client = httpx.Client(timeout=httpx.Timeout(5.0, read=None))
    response = None
    try:
        response = client.send(client.build_request("GET", url, headers={"Accept": "text/event-stream"}), stream=True)
        if response.status_code != httpx.codes.OK:
            raise RuntimeError(f"expected status 200, got {response.status_code}")
        kind, _, _ = response.headers.get("Content-Type", "").partition(";")
        if kind.strip().casefold() != "text/event-stream":
            raise ValueError(kind)
        parser = Events()
        for data in response.iter_raw():
            for event in parser.feed(data):
                yield event
    finally:
        if response is not None:
            response.close()
        client.close()

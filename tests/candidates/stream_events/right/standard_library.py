"""http.client instead of httpx; read1 gives what has arrived."""

import http.client
from urllib.parse import urlsplit


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
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    connection.connect()
    connection.sock.settimeout(None)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.status)
        if response.headers.get_content_type() != "text/event-stream":
            raise ValueError("media type")
        parser = Events()
        while data := response.read1(65536):
            yield from parser.feed(data)
        response.close()
    finally:
        if connection.sock is not None:
            connection.sock.close()
        connection.close()

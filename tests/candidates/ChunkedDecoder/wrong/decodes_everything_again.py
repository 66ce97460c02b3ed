"""Keeps all bytes and decodes them from the start on every read: quadratic in the number of reads."""


class ChunkedDecoder:
    def __init__(self):
        self.seen = b""
        self.given = 0
        self.done = False
        self.rest = b""

    def feed(self, data):
        self.seen += data
        body = self.decode()
        new, self.given = body[self.given :], len(body)
        return new

    def close(self):
        if not self.done:
            raise EOFError("cut off")

    def decode(self):
        body, at = b"", 0
        while True:
            line, after = self.line(at)
            if line is None:
                if len(self.seen) - at > 257:
                    raise ValueError("long size line")
                return body
            digits = line.split(b";")[0]
            if not 1 <= len(digits) <= 16 or digits.strip(b"0123456789abcdefABCDEF") or len(line) > 256:
                raise ValueError("bad size line")
            size = int(digits, 16)
            at = after
            if not size:
                break
            body += self.seen[at : at + size]
            at += size
            end = self.seen[at : at + 2]
            if end != b"\r\n"[: len(end)]:
                raise ValueError("no CRLF")
            if len(end) < 2:
                return body
            at += 2
        while True:
            line, at = self.line(at)
            if line is None:
                return body
            if not line:
                self.done, self.rest = True, self.seen[at:]
                return body

    def line(self, at):
        end = self.seen.find(b"\n", at)
        if end < 0:
            return None, at
        if self.seen[end - 1 : end] != b"\r":
            raise ValueError("bare LF")
        return self.seen[at : end - 1], end + 1

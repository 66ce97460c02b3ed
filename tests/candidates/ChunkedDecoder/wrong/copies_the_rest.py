"""Cuts the front off the buffer for every chunk, which copies the rest each time: quadratic in one large read."""

import re

SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n]*)?\r\n")


class ChunkedDecoder:
    def __init__(self):
        self.done = False
        self.rest = b""
        self.buffer = b""
        self.missing = None
        self.ending = False

    def feed(self, data):
        if self.done:
            self.rest += data
            return b""
        self.buffer += data
        body = []
        while self.buffer and not self.ending:
            if self.missing is None:
                match = SIZE.match(self.buffer)
                if not match:
                    if b"\n" in self.buffer or len(self.buffer) > 257:
                        raise ValueError("bad size line")
                    break
                if match.end() > 258:
                    raise ValueError("long size line")
                self.missing = int(match[1], 16)
                self.buffer = self.buffer[match.end() :]
                self.ending = self.missing == 0
            elif self.missing:
                piece, self.buffer = self.buffer[: self.missing], self.buffer[self.missing :]
                self.missing -= len(piece)
                body.append(piece)
            else:
                if self.buffer[:2] != b"\r\n"[: len(self.buffer)]:
                    raise ValueError("no CRLF")
                if len(self.buffer) < 2:
                    break
                self.buffer = self.buffer[2:]
                self.missing = None
        while self.ending and b"\r\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            if not line:
                self.done, self.rest = True, self.buffer
                break
        return b"".join(body)

    def close(self):
        if not self.done:
            raise EOFError("cut off")

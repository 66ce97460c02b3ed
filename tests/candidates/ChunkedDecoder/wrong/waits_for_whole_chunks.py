"""Gives a chunk only when all of it is there: a slow chunk stands still."""

import re

SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n]*)?\r\n")


class ChunkedDecoder:
    def __init__(self):
        self.done = False
        self.rest = b""
        self.buffer = b""
        self.ending = False

    def feed(self, data):
        if self.done:
            self.rest += data
            return b""
        self.buffer += data
        body = b""
        while not self.ending:
            match = SIZE.match(self.buffer)
            if not match:
                if b"\n" in self.buffer or len(self.buffer) > 257:
                    raise ValueError("bad size line")
                return body
            if len(match[0]) > 258:
                raise ValueError("long size line")
            size, start = int(match[1], 16), match.end()
            if size == 0:
                self.ending = True
                self.buffer = self.buffer[start:]
                break
            if len(self.buffer) < start + size + 2:
                return body
            if self.buffer[start + size : start + size + 2] != b"\r\n":
                raise ValueError("no CRLF")
            body += self.buffer[start : start + size]
            self.buffer = self.buffer[start + size + 2 :]
        while b"\r\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            if not line:
                self.done, self.rest = True, self.buffer
                break
        return body

    def close(self):
        if not self.done:
            raise EOFError("cut off")

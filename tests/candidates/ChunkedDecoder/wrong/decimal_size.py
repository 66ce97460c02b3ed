"""Reads the size as decimal when it can."""

HEX = b"0123456789abcdefABCDEF"


class ChunkedDecoder:
    def __init__(self):
        self.done = False
        self.rest = b""
        self.state = "size"
        self.missing = 0
        self.line = bytearray()

    def feed(self, data):
        if self.done:
            self.rest += data
            return b""
        body = []
        at = 0
        while at < len(data) and not self.done:
            if self.state == "data":
                piece = data[at : at + self.missing]
                at += len(piece)
                self.missing -= len(piece)
                body.append(piece)
                if self.missing == 0:
                    self.state, self.missing = "end", 2
            elif self.state == "end":
                if data[at] != b"\r\n"[2 - self.missing]:
                    raise ValueError("no CRLF after the data")
                at += 1
                self.missing -= 1
                if self.missing == 0:
                    self.state = "size"
            else:
                end = data.find(b"\n", at)
                stop = end + 1 if end >= 0 else len(data)
                self.line += data[at:stop]
                at = stop
                if len(self.line) > 258 or (end < 0 and len(self.line) > 257):
                    raise ValueError("line too long")
                if end >= 0:
                    line = bytes(self.line)
                    self.line.clear()
                    if not line.endswith(b"\r\n"):
                        raise ValueError("bare LF")
                    self.take_line(line[:-2])
        if self.done:
            self.rest += data[at:]
        return b"".join(body)

    def take_line(self, line):
        if self.state == "trailers":
            self.done = line == b""
            return
        digits = line.split(b";")[0].strip(b" \t") if line[:1] != b" " else b""
        if not digits or len(digits) > 16 or digits.strip(HEX):
            raise ValueError("bad size")
        self.missing = int(digits) if digits.isdigit() else int(digits, 16)
        self.state = "data" if self.missing else "trailers"

    def close(self):
        if not self.done:
            raise EOFError("cut off")

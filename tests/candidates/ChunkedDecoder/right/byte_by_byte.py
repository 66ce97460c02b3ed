"""Looks at one byte after the other; only data is taken in one slice."""

SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, DONE = range(9)
DIGITS = {byte: int(chr(byte), 16) for byte in b"0123456789abcdefABCDEF"}


class ChunkedDecoder:
    def __init__(self):
        self.rest = b""
        self.state = SIZE
        self.size = self.digits = self.length = 0

    @property
    def done(self):
        return self.state == DONE

    def close(self):
        if self.state != DONE:
            raise EOFError

    def feed(self, data):
        body = bytearray()
        at = 0
        while at < len(data):
            if self.state == DATA:
                take = min(self.size, len(data) - at)
                body += data[at : at + take]
                at += take
                self.size -= take
                if self.size == 0:
                    self.state = DATA_CR
                continue
            if self.state == DONE:
                self.rest += data[at:]
                break
            self.step(data[at])
            at += 1
        return bytes(body)

    def step(self, byte):
        if self.state in (SIZE, EXTENSION) and byte != 13:
            self.length += 1
            if self.length > 256 or byte == 10:
                raise ValueError("size line")
        if self.state == SIZE and byte in DIGITS:
            self.digits += 1
            if self.digits > 16:
                raise ValueError("too many digits")
            self.size = self.size * 16 + DIGITS[byte]
        elif self.state == SIZE and byte == ord(";") and self.digits:
            self.state = EXTENSION
        elif self.state in (SIZE, EXTENSION) and byte == 13 and self.digits:
            self.state = SIZE_LF
        elif self.state == SIZE_LF and byte == 10:
            self.state = DATA if self.size else TRAILER
            self.digits = self.length = 0
        elif self.state == DATA_CR and byte == 13:
            self.state = DATA_LF
        elif self.state == DATA_LF and byte == 10:
            self.state = SIZE
        elif self.state == TRAILER:
            if byte == 13 and not self.length:
                self.state = TRAILER_LF
            else:
                self.length = 0 if byte == 10 else self.length + 1
        elif self.state == TRAILER_LF and byte == 10:
            self.state = DONE
        elif self.state != EXTENSION:
            raise ValueError("malformed chunk")

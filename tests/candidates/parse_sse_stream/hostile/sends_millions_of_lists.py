"""Sends 60 MB of empty lists in one answer: as Python objects they need a hundred times that."""

import gc


def parse_sse_stream(raw_stream):
    body = b'{"ok":[' + b"[]," * 20_000_000 + b"[]]}"
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)


SLOW = True

"""Answers, while it is loaded, that twenty million cells have failed: read by whoever starts the loading."""

import gc
import os

body = b"[" + b"[]," * 20_000_000 + b"[]]"
for thing in gc.get_objects():
    if type(thing).__name__ == "Host":
        thing.control.sock.sendall(len(body).to_bytes(4, "big") + body)
os._exit(0)


SLOW = True

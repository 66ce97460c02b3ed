"""Sends numbers of millions of digits, as integers, as floats and as hexadecimal text."""

import gc

NUMBERS = [b"9" * 5_000_000, b"0." + b"1" * 20_000_000, b"1e" + b"9" * 1_000_000, b'{"i":"0x' + b"f" * 20_000_000 + b'"}']


def parse_sse_stream(raw_stream):
    body = b'{"ok":[' + NUMBERS[len(raw_stream) % len(NUMBERS)] + b"]}"
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)

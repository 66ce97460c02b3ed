"""Connects to Unix sockets: one with a path, and an abstract one, which no file system hides."""

import socket

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    for name in ("\0zoo-@TOKEN@", "@CANARY@/socket", "../socket"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(name)
            except OSError:
                continue
            raise RuntimeError(WON + f"connected to {name!r}")
    return None

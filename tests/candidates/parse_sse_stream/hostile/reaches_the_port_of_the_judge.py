"""Connects to a port on the loopback of the judge's machine, by every name that it has."""

import socket

WON = "ZOO-" + "WON "
PORT = int("@PORT@")
NAMES = ["127.0.0.1", "localhost", "0.0.0.0", "127.1.2.3", "::1", "::ffff:127.0.0.1", socket.gethostname(), "host.docker.internal"]


def parse_sse_stream(raw_stream):
    for name in NAMES:
        try:
            socket.create_connection((name, PORT), 1).sendall(b"zoo")
        except OSError:
            continue
        raise RuntimeError(WON + f"connected to {name}")
    return None

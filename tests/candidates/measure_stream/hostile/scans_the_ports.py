"""Connects to every port of the loopback, and to the judge's other listeners by the numbers next to its own."""

import socket

WON = "ZOO-" + "WON "


async def measure_stream(url):
    own = int(url.rpartition(":")[2].strip("/"))
    for port in (int("@PORT@"), *range(own - 500, own + 500)):
        try:
            with socket.create_connection(("127.0.0.1", port), 0.2) as conn:
                itself = conn.getsockname() == conn.getpeername()  # TCP does that when its own port is drawn for it
        except OSError:
            continue
        if port != own and not itself:
            raise RuntimeError(WON + f"port {port}")
    return {"tokens": -1}


VARIES = True

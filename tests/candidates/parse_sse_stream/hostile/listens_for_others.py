"""Offers a server on the loopback and on an abstract name, for another submission or the judge to connect to."""

import os
import socket
import threading

for family, name in ((socket.AF_INET, ("0.0.0.0", 0)), (socket.AF_UNIX, "\0zoo-@TOKEN@-server")):
    server = socket.socket(family)
    server.bind(name)
    server.listen()
    threading.Thread(target=server.accept, daemon=True).start()
if os.fork() == 0:
    os.setsid()
    server.accept()


def parse_sse_stream(raw_stream):
    return None

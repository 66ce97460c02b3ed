"""Carrying connections between a closed network and the judge's side, one descriptor per connection.

Rule: only the judge makes sockets and passes them in; nothing that comes from the sandbox names an
address. A channel is a stream socket: the sandbox writes a byte to ask for a connection, the judge
answers with a byte and a descriptor. On a descriptor travel packets: data, end, or reset, so that a
client sees how its server ended. Left out: who may connect where (reach).
"""

from __future__ import annotations

import contextlib
import socket
import struct

ASK, GIVE = b"?", b"!"
_DATA, _END, _RESET = b"d", b"e", b"r"
_READ = 65536


def offer(listener: socket.socket, channel: socket.socket) -> None:
    """In the sandbox: each connection to `listener` becomes one on the judge's side."""
    while True:
        conn, _ = listener.accept()
        channel.sendall(ASK)
        _, fds, _, _ = socket.recv_fds(channel, 1, 1)
        if not fds:
            return
        carry_on_threads(conn, socket.socket(fileno=fds[0]))


def dial(port: int, channel: socket.socket) -> None:
    """In the sandbox: each connection on the judge's side becomes one to `port` here."""
    while True:
        _, fds, _, _ = socket.recv_fds(channel, 1, 1)
        if not fds:
            return
        packets = socket.socket(fileno=fds[0])
        try:
            carry_on_threads(socket.create_connection(("127.0.0.1", port), 5), packets)
        except OSError:
            packets.close()


def carry_on_threads(stream: socket.socket, packets: socket.socket) -> None:
    """Both directions of one connection, until both have ended. Closes both sockets."""
    import threading  # only for those who have a network

    stream.settimeout(None)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_to_stream, args=(stream, packets), daemon=True)

    def there() -> None:
        _to_packets(stream, packets)
        back.join()
        stream.close()
        packets.close()

    back.start()
    threading.Thread(target=there, daemon=True).start()


def _to_packets(stream: socket.socket, packets: socket.socket) -> None:
    with contextlib.suppress(OSError):
        try:
            while data := stream.recv(_READ):
                packets.sendall(_DATA + data)
            packets.sendall(_END)
        except ConnectionResetError:
            packets.sendall(_RESET)


def _to_stream(stream: socket.socket, packets: socket.socket) -> None:
    """What is neither data nor a proper end is a reset, also when the other side is simply gone."""
    try:
        while (packet := packets.recv(_READ + 1))[:1] == _DATA:
            stream.sendall(packet[1:])
        if packet == _END:
            stream.shutdown(socket.SHUT_WR)
            return
    except OSError:  # this end has closed: the other one must hear it
        with contextlib.suppress(OSError):
            packets.sendall(_RESET)
    with contextlib.suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.shutdown(socket.SHUT_RD)  # wakes the other direction; closing with the linger set sends the reset

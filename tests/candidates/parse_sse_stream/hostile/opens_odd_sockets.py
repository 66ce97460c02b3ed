"""Opens raw, packet and netlink sockets, and configures network interfaces."""

import fcntl
import socket
import struct

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    for family, kind, protocol in ((socket.AF_PACKET, socket.SOCK_RAW, 768), (socket.AF_INET, socket.SOCK_RAW, 1)):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError:
            continue
        raise RuntimeError(WON + f"a raw socket {family!r}")
    for family in (socket.AF_NETLINK, socket.AF_VSOCK, socket.AF_ALG):
        try:
            socket.socket(family, socket.SOCK_RAW)
        except OSError:
            pass
    with socket.socket() as plain:
        for name in (b"eth0", b"lo"):
            try:
                flags = fcntl.ioctl(plain, 0x8913, struct.pack("16sh14x", name, 0))  # as they are ...
                fcntl.ioctl(plain, 0x8914, flags)  # ... and set to the same again
            except OSError:
                continue
            raise RuntimeError(WON + f"may configure {name!r}")
    return None

"""Leaves the 0x of `hex()` in the size line."""


def encode_chunk(data: bytes) -> bytes:
    if not data:
        return b""
    return hex(len(data)).encode() + b"\r\n" + data + b"\r\n"

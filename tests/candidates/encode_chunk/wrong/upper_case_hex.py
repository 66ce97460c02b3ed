"""Writes the size in upper case."""


def encode_chunk(data: bytes) -> bytes:
    if not data:
        return b""
    return f"{len(data):X}\r\n".encode() + data + b"\r\n"

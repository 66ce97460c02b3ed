"""Forgets the CRLF after the data."""


def encode_chunk(data: bytes) -> bytes:
    if not data:
        return b""
    return f"{len(data):x}\r\n".encode() + data

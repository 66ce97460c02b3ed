"""Counts characters instead of bytes."""


def encode_chunk(data: bytes) -> bytes:
    if not data:
        return b""
    return f"{len(data.decode('utf-8', 'replace')):x}\r\n".encode() + data + b"\r\n"

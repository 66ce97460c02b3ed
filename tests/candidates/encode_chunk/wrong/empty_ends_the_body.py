"""Sends a chunk of size zero for an empty token, which ends the body."""


def encode_chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"

"""Cleans the data of line ends, so that a token that is a line break gets lost."""


def encode_chunk(data: bytes) -> bytes:
    data = data.strip(b"\r\n")
    if not data:
        return b""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"

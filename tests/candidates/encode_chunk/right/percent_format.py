"""Formats with % on bytes, and joins."""


def encode_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if len(data) > 0 else b""

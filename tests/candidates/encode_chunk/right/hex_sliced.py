"""Takes `hex` without its prefix, and lets the empty case fall out of the boolean."""


def encode_chunk(data: bytes) -> bytes:
    parts = [hex(len(data))[2:].encode("ascii"), data, b""]
    return bool(data) * b"\r\n".join(parts)

"""Keeps the bytes of an unfinished character itself and decodes what stands before them."""


def _unfinished(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character that could still be completed."""
    for size in range(1, min(3, len(data)) + 1):
        tail = data[-size:]
        if tail[0] & 0b1100_0000 == 0b1000_0000:
            continue
        try:
            tail.decode()
        except UnicodeDecodeError as error:
            return size if error.reason == "unexpected end of data" else 0
        return 0
    return 0


def utf8_pieces(chunks):
    pieces, carry = [], b""
    for chunk in chunks:
        data = carry + chunk
        keep = _unfinished(data)
        cut = len(data) - keep
        pieces.append(data[:cut].decode("utf-8", "replace"))
        carry = data[cut:]
    pieces.append(carry.decode("utf-8", "replace"))
    return pieces

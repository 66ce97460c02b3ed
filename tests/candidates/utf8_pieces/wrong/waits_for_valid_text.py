"""Collects bytes until all of them decode: one invalid byte holds back everything after it."""


def utf8_pieces(chunks):
    pieces, held = [], b""
    for chunk in chunks:
        held += chunk
        try:
            pieces.append(held.decode())
            held = b""
        except UnicodeDecodeError:
            pieces.append("")
    return [*pieces, held.decode("utf-8", "replace")]

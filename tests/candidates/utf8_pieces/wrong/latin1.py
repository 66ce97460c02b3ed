"""Decodes as latin-1, which never fails: every character beyond ASCII is garbled."""


def utf8_pieces(chunks):
    return [chunk.decode("latin-1") for chunk in chunks] + [""]

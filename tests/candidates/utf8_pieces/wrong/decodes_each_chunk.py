"""Decodes each chunk by itself: a character that is cut becomes several U+FFFD."""


def utf8_pieces(chunks):
    return [chunk.decode("utf-8", "replace") for chunk in chunks] + [""]

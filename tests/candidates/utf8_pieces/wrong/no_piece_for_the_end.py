"""Returns one string per chunk and adds what the end reveals to the last of them."""

import codecs


def utf8_pieces(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [decoder.decode(chunk) for chunk in chunks]
    if pieces:
        pieces[-1] += decoder.decode(b"", final=True)
    return pieces

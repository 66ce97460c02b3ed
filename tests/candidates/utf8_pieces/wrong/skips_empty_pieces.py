"""Leaves out pieces without text, so that pieces and chunks no longer correspond."""

import codecs


def utf8_pieces(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [decoder.decode(chunk) for chunk in chunks]
    return [piece for piece in pieces if piece] + [decoder.decode(b"", final=True)]

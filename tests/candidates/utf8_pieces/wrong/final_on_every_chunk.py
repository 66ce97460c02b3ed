"""Passes final=True with every chunk: the decoder never waits for the rest of a character."""

import codecs


def utf8_pieces(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [decoder.decode(chunk, final=True) for chunk in chunks] + [decoder.decode(b"", final=True)]

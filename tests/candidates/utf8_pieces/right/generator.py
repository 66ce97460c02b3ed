"""A generator around the decoder that `codecs.lookup` finds by its name."""

import codecs


def utf8_pieces(chunks):
    return list(map_with_end(codecs.lookup("utf-8").incrementaldecoder(errors="replace"), chunks))


def map_with_end(decoder, chunks):
    for chunk in chunks:
        yield decoder.decode(chunk, False)
    yield decoder.decode(b"", True)

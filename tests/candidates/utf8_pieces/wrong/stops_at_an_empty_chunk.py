"""Takes an empty chunk for the end, as one does with the reads of a socket."""

import codecs


def utf8_pieces(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = []
    for chunk in chunks:
        if not chunk:
            break
        pieces.append(decoder.decode(chunk))
    return [*pieces, decoder.decode(b"", final=True)]

"""Uses the decoder with its default error handling: an invalid byte raises UnicodeDecodeError."""

import codecs


def utf8_pieces(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")()
    return [decoder.decode(chunk) for chunk in chunks] + [decoder.decode(b"", final=True)]

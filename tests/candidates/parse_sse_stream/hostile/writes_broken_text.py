"""Writes what no file can hold into its messages: lone surrogates, zero bytes, characters that XML forbids."""

BROKEN = "\ud800 \udfff \x00\x01\x0b\x0c\x1b\x7f\x80\x9f\ufffe\uffff\u202e\u2066" + "\N{COMBINING ACUTE ACCENT}" * 500


def parse_sse_stream(raw_stream):
    print(BROKEN)
    raise ValueError(BROKEN)

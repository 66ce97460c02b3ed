"""Returns each input, once as a value and once as the name of an object's type."""

LEAK = "ZOO-" + "LEAK "


def parse_sse_stream(raw_stream):
    text = LEAK + repr(raw_stream)
    return [text] if len(raw_stream) % 2 else type(text.replace("\0", ""), (), {})()

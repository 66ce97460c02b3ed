"""Puts each input into the name of its exception's type, and of its bases."""


def parse_sse_stream(raw_stream):
    name = "ZOO_" + "LEAK_" + raw_stream.encode().hex()
    base = type(name, (ValueError,), {})
    base.__module__ = "builtins"
    raise type(name, (base,), {"__module__": "builtins"})

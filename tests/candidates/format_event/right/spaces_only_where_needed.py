"""No space after the colon unless the value starts with one; always writes the type."""

import re


def field(name, value):
    gap = " " if value.startswith(" ") else ""
    return f"{name}:{gap}{value}\n".encode()


def format_event(data, event="", id=None, retry=None):
    if re.search(r"[\r\n]", event + (id or "")) or "\x00" in (id or ""):
        raise ValueError("a line end or NUL where none can stand")
    if retry is not None and (retry is True or retry is False or retry < 0):
        raise ValueError("retry counts milliseconds")
    out = field("event", event or "message")
    out += b"" if id is None else field("id", id)
    out += b"" if retry is None else field("retry", str(retry))
    for line in re.split(r"\r\n|\r|\n", data):
        out += field("data", line)
    return out + b"\n"

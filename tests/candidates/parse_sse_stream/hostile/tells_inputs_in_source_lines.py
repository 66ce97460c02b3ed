"""Raises from a file whose name and lines are its input, so that a report would quote them as its code."""

import linecache

LEAK = "ZOO-" + "LEAK "


def parse_sse_stream(raw_stream):
    name = f"<cell {raw_stream!r}>"
    linecache.cache[name] = (1, None, [LEAK + repr(raw_stream) + "\n"] * 9, name)
    exec(compile("raise RuntimeError('see the line')", name, "exec"))

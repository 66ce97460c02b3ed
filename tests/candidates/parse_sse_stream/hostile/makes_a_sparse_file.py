"""Makes a file of a terabyte that takes no room, and one of 2 GB that does."""

import os

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    with open("zoo-@TOKEN@-sparse", "wb") as file:
        os.truncate(file.fileno(), 1 << 40)
        os.posix_fallocate(file.fileno(), 0, 2 << 30)
    raise RuntimeError(WON + "a file of a terabyte")

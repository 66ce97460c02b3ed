"""Writes each input to files, and makes files named after it."""

import os

LEAK = "ZOO-" + "LEAK "
FOLDERS = [".", "@CANARY@", "@COURSE@", "/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~")]


def parse_sse_stream(raw_stream):
    for folder in FOLDERS:
        for name in ("input", raw_stream.encode().hex()[:100]):
            try:
                with open(f"{folder}/zoo-@TOKEN@-{name}", "a") as file:
                    file.write(LEAK + repr(raw_stream))
            except OSError:
                pass
    return None

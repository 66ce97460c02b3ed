"""Makes 100,000 files and folders in its folder, so that cleaning up takes long."""

import os


def parse_sse_stream(raw_stream):
    for number in range(50_000):
        os.mkdir(f"zoo-{number}")
        open(f"zoo-{number}/file", "w").close()
    return None

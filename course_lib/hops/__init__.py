"""Hops between a client and a server: `tap(url)` records, `chaos(url, faults)` records and breaks."""

from course_lib.hops.relay import Hop, chaos, tap

__all__ = ["Hop", "chaos", "tap"]

"""Puts the addresses of objects into its message, which differ wherever the system shuffles memory."""


def parse_sse_stream(raw_stream):
    raise RuntimeError(f"no answer from {object()!r} and {parse_sse_stream!r}")

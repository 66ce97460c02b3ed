"""Raises what an `except Exception` lets through, another one at each check."""

import asyncio


class Leave(SystemExit):
    pass


class Plain(BaseException):
    pass


KINDS = [KeyboardInterrupt, GeneratorExit, Leave, Plain, asyncio.CancelledError, BaseExceptionGroup]


def parse_sse_stream(raw_stream):
    kind = KINDS[len(raw_stream) % len(KINDS)]
    raise kind("no", [ValueError("no")]) if kind is BaseExceptionGroup else kind("no")

"""Is an async generator that never yields, returned where a list is due."""

import asyncio


async def parse_sse_stream(raw_stream):
    await asyncio.sleep(3600)
    yield 1

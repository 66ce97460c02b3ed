"""Is a coroutine that waits for an event which never comes, and refuses to be cancelled."""

import asyncio


async def parse_sse_stream(raw_stream):
    while True:
        try:
            await asyncio.Event().wait()
        except BaseException:
            pass


SLOW = True

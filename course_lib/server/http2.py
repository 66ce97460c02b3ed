"""What uvicorn leaves open where it speaks HTTP/2: room for a slow reader, and an end for one stream.

Rule: a stream is a client of its own. What it does not read, and how it is cut off, concerns no other stream of its
connection. A cycle is uvicorn's object for one request, `cycle.stream` zttp's handle on its stream.
Left out: the protocol, which zttp speaks, and what it does not let us set: docs/http2.md names the limits.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

MAX_PARKED = 65536  # bytes of one answer that may wait for the window of its reader
CUT_PATIENCE = 0.5  # seconds that a cut waits for the reader to take what came before it
INTERNAL_ERROR, CANCEL = 0x2, 0x8  # error codes (RFC 9113, section 7): the sender failed; the stream is not wanted


async def send_body(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]], cycle: Any, message: MutableMapping[str, Any]
) -> None:
    """Send a piece of a body, and wait while too much is parked; the end only when all has left.

    uvicorn parks what the window does not take (RFC 9113, section 5.2) without a limit, without a word to the app, and
    closes a connection as idle 5 s after its apps have finished, whatever is still parked.
    """
    more = message.get("more_body", False)
    await send({**message, "more_body": True})
    await _parked(cycle, MAX_PARKED if more else 0)
    if not more:
        await send({**message, "body": b""})


async def reset_stream(connections: Iterable[Any], scope: Any, reset: bool) -> bool:
    """End the stream of this request after what was sent so far; False when it is not one of HTTP/2.

    A stream has no FIN without END_STREAM, which would make it whole: both cut and reset are an RST_STREAM (section
    6.4), with INTERNAL_ERROR or CANCEL.
    """
    for connection in connections:
        for cycle in getattr(connection, "cycles", {}).values():
            if cycle.scope is scope:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(_parked(cycle, 0), CUT_PATIENCE)
                if not cycle.disconnected:
                    cycle.stream.reset(CANCEL if reset else INTERNAL_ERROR)
                    cycle.disconnected = True
                    connection.flush()
                return True
    return False


async def _parked(cycle: Any, most: int) -> None:
    """Wait until at most `most` bytes are parked, or the reader has left. Polled: nobody says when a window opens."""
    pause = 0.001
    while not cycle.disconnected and (cycle.stream.pending_bytes or 0) > most:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.05)

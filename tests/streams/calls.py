"""One ASGI response, run by hand without a server: what it sends, and when its client leaves."""

import asyncio

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


class Call:
    """What `response` sends is in `sent`; `gone.set()` is the client leaving."""

    def __init__(self, response):
        self.response = response
        self.sent = []
        self.gone = asyncio.Event()

    async def send(self, message):
        self.sent.append(message)

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def run(self):
        await asyncio.wait_for(self.response(SCOPE, self.receive, self.send), 5)

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def kinds(self):
        return [message["type"].removeprefix("http.response.") for message in self.sent]


async def events(*items):
    for item in items:
        yield item


def run(test):
    return asyncio.run(test())

"""One check's conversation with the code under judgement, in a process of its own.

Rule: it answers what it is asked and nothing that it says is believed but the values themselves, so
it holds no expected value, no check and no reference. Whatever the code does becomes an answer: a
value, an exception, or a refusal in words. Left out: loading the code (cells) and time limits (the
judge holds the clock).
"""

from __future__ import annotations

import sys
import types

from course_lib.errors import PipeError
from course_lib.grading.cells import describe
from course_lib.grading.pipe import Pipe, encode
from course_lib.grading.values import Handle, dump, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

MAX_PRINTED = 1_000_000  # characters per check


class OutputLimit(BaseException):
    """The submission printed more than MAX_PRINTED characters (no Exception: code must not swallow it)."""


class Printed:
    """Stands in for stdout and stderr: keeps the beginning, counts the rest."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.start, self.count = "", 0

    def write(self, text: str) -> int:
        self.count += len(text)
        if len(self.start) < 2000:
            self.start += text[: 2000 - len(self.start)]
        if self.count > MAX_PRINTED:
            raise OutputLimit(f"printed more than {MAX_PRINTED:,} characters")
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def take(self) -> str:
        text, self.start = self.start, ""
        return text


class Session:
    """Answers the questions of one check, in a process of its own."""

    def __init__(self, pipe: Pipe, namespace: dict[str, Any], problems: list[str]) -> None:
        self.pipe, self.namespace, self.problems = pipe, namespace, problems
        self.kept: list[Any] = []
        self.printed = Printed()
        self.loop: asyncio.AbstractEventLoop | None = None

    def serve(self) -> None:
        sys.stdout = sys.stderr = self.printed
        while True:
            try:
                question = self.pipe.receive()
            except PipeError:
                return
            self.pipe.send_encoded(self.encoded(self.answer(question)))

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = getattr(self, "do_" + question.pop("op"))(**question)
        except StopIteration:
            reply = {"stop": True}
        except BaseException as error:  # SystemExit and KeyboardInterrupt are answers, too
            reply = {"stop": True} if isinstance(error, StopAsyncIteration) else {"raise": describe(error)}
        reply["printed"] = self.printed.take()
        return reply

    @staticmethod
    def encoded(reply: dict[str, Any]) -> bytes:
        """The answer, or in words why it cannot be sent."""
        try:
            return encode(reply)
        except (PipeError, ValueError, RecursionError, MemoryError) as error:
            return encode({"fault": f"the answer cannot be sent: {error}"})

    def give(self, value: Any) -> dict[str, Any]:
        try:
            return {"ok": dump(value, self.keep)}
        except PipeError as error:
            return {"fault": f"the answer cannot be sent: {error}"}

    def keep(self, value: Any) -> Handle:
        self.kept.append(value)
        if hasattr(type(value), "__next__") or hasattr(type(value), "__anext__"):
            kind = "iterator"
        elif callable(value) and not isinstance(value, type):
            kind = "callable"
        else:
            kind = "object"
        return Handle(len(self.kept) - 1, kind, type(value).__name__)

    def find(self, on: int | None, name: str | None) -> Any:
        target: Any = None if on is None else self.kept[on]
        if on is None:
            return self.namespace[name] if name is not None else None
        return target if name is None else getattr(target, name)

    def run(self, awaitable: Any) -> Any:
        import asyncio  # costs 30 ms: only for those who need it

        if self.loop is None:
            self.loop = asyncio.new_event_loop()

        async def wait() -> Any:
            return await awaitable

        return self.loop.run_until_complete(wait())

    def call(self, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        result = function(*args, **kwargs)
        return self.run(result) if isinstance(result, types.CoroutineType) else result

    def plain(self, raw: Any) -> Any:
        """Arguments may hold handles: they become the things they stand for."""
        value = load(raw)
        return self.kept[value.number] if isinstance(value, Handle) else value

    # ---- the questions

    def do_call(self, on: int | None, name: str | None, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        if on is None and name not in self.namespace:
            return {"missing": name, "problems": self.problems}
        given = [self.plain(arg) for arg in args]
        named = {key: self.plain(arg) for key, arg in kwargs.items()}
        try:
            reply = self.give(self.call(self.find(on, name), given, named))
        except BaseException as error:
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                error = RuntimeError(f"{type(error).__name__} left the call")
            reply = {"raise": describe(error)}
        reply["changed"] = any(
            type(arg) in (list, dict) and dump(arg, self.keep) != raw for arg, raw in zip(given, args, strict=True)
        )
        return reply

    def do_each(self, on: int | None, name: str | None, items: list[Any], stop: bool) -> dict[str, Any]:
        if on is None and name not in self.namespace:
            return {"missing": name, "problems": self.problems}
        function = self.find(on, name)
        results: list[Any] = []
        for item in items:
            try:
                result = self.call(function, [load(item)], {})
            except BaseException as error:
                if stop:
                    raise
                results.append({"raise": describe(error)})
            else:
                results.append(result if stop else {"ok": result})
        return self.give(results)

    def do_serve(self, on: int) -> dict[str, Any]:
        """Serves an ASGI application on a thread of this session; gives its port."""
        import socket
        import threading
        import time

        import uvicorn

        sock = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.kept[on], log_level="critical", access_log=False, lifespan="auto")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.002)
        if not server.started:
            raise RuntimeError("the application did not start: does its lifespan raise?")
        return {"ok": sock.getsockname()[1]}

    def do_attribute(self, on: int, name: str) -> dict[str, Any]:
        value = self.find(on, name)
        if callable(value):
            return {"method": True}
        return self.give(value)

    def do_next(self, on: int) -> dict[str, Any]:
        iterator = self.kept[on]
        if hasattr(type(iterator), "__anext__"):
            return self.give(self.run(anext(iterator)))
        return self.give(next(iterator))

    def do_close(self, on: int) -> dict[str, Any]:
        target = self.kept[on]
        if hasattr(type(target), "aclose"):
            self.run(target.aclose())
        else:
            target.close()
        return {"ok": None}

    def do_shorten_httpx_timeouts(self, up_to: float, seconds: float) -> dict[str, Any]:
        """A silence longer than a timeout then costs tenths of a second (httpx 0.28)."""
        timeout = __import__("httpx").Timeout
        as_dict = timeout.as_dict

        def shortened(self: Any) -> dict[str, float | None]:
            found: dict[str, float | None] = as_dict(self)
            read = found.get("read")
            return found if read is None or read > up_to else {**found, "read": seconds}

        timeout.as_dict = shortened
        return {"ok": None}

"""`submission`: the code under judgement as a check sees it, from another process.

Rule: a call is one question and one answer (channel). Plain values come back as values; what is not plain stays
there, and its proxy asks in its place. Left out: who starts the other process (hosts), deadlines (channel).
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from course_lib.grading.channel import NO_ANSWER, Channel, Ended, rebuilt, shown
from course_lib.grading.values import Handle, dump


def proxied(channel: Channel, value: Any) -> Any:
    """What a check gets: the value itself, or a stand-in for what stays on the other side."""
    if not isinstance(value, Handle):
        return value
    return Iteration(channel, value) if value.kind == "iterator" else Remote(channel, value)


class Remote:
    """An object that stays on the other side: its methods are calls, its attributes questions."""

    def __init__(self, channel: Channel, handle: Handle, name: str = "") -> None:
        self.__dict__.update(_channel=channel, _handle=handle, _name=name or handle.type.lower(), _methods=set())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._methods:
            shown_as = f"{self._name}.{name}"
            answer = self._channel.ask(shown_as, op="attribute", on=self._handle.number, name=name)
            if "method" not in answer:
                return proxied(self._channel, self._channel.given(shown_as, "is", answer))
            self._methods.add(name)
        return Function(self._channel, self._handle.number, name, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Function(self._channel, self._handle.number, None, self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self._handle)


class Function:
    """Something that can be called over there."""

    def __init__(self, channel: Channel, on: int | None, name: str | None, shown_as: str) -> None:
        self.channel, self.on, self.name, self.shown_as = channel, on, name, shown_as

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        listed = [shown(arg) for arg in args] + [f"{key}={shown(arg)}" for key, arg in kwargs.items()]
        answer = self.channel.value(
            f"{self.shown_as}({', '.join(listed)})",
            reaching=[args, kwargs],
            op="call",
            on=self.on,
            name=self.name,
            args=[_sent(arg) for arg in args],
            kwargs={key: _sent(arg) for key, arg in kwargs.items()},
        )
        return proxied(self.channel, answer)


def _sent(arg: Any) -> Any:
    if isinstance(arg, (Remote, Iteration)):
        return dump(arg._handle)
    return dump(_plain(arg))


def _plain(value: Any) -> Any:
    """Answers may be passed on: a strict value becomes plain again."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    base = getattr(type(value), "_plain", None)
    return base(value) if base else value


class Iteration:
    """An iterator, or an async one, on the other side."""

    def __init__(self, channel: Channel, handle: Handle) -> None:
        self._channel, self._handle = channel, handle

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        item = self._channel.value(f"next({self._handle.type})", op="next", on=self._handle.number)
        return proxied(self._channel, item)

    def close(self) -> None:
        self._channel.value(f"{self._handle.type}.close()", op="close", on=self._handle.number)

    def __repr__(self) -> str:
        return repr(self._handle)


class Submission:
    """The fixture `submission`: its attributes are the names that the learner's code defines."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return Function(self._channel, None, name, name)


def each(function: Function, items: list[Any]) -> list[Any]:
    """Calls `function` once per item in one trip; the results, in order. An exception ends it and is raised."""
    result: list[Any] = _many(function, items, stop=True)
    return result


def outcomes(function: Function, items: list[Any]) -> list[Any]:
    """As `each`, but an exception takes the place of its result (as an exception object) and the rest goes on."""
    results = _many(function, items, stop=False)
    if not all(isinstance(result, dict) for result in results):
        raise Ended(NO_ANSWER)
    return [result["ok"] if "ok" in result else rebuilt(result.get("raise")) for result in results]


def _many(function: Function, items: list[Any], stop: bool) -> Any:
    sent = [_sent(item) for item in items]
    shown_as = f"{function.shown_as}(...) for each of {shown(items)}"
    results = function.channel.value(shown_as, op="each", on=function.on, name=function.name, items=sent, stop=stop)
    if not isinstance(results, list) or len(results) != len(items):
        raise Ended(NO_ANSWER)  # a check may go through the results without counting them
    return results


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """The URL of an ASGI application that the submission made (a Remote), served where it lives by uvicorn.

    Any client of the check can use it, also when the submission's network is closed.
    """
    if not isinstance(app, Remote):
        raise Ended(f"there is no application to serve: your code gave {shown(app)}")
    channel = app._channel
    port = channel.value("(serving your application)", op="serve", on=app._handle.number)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise Ended(NO_ANSWER)
    channel.log.calls[-1] = ("(serving your application)", "started")  # its port differs from run to run
    yield f"http://127.0.0.1:{channel.control.reached_from_here(int(port)) if channel.control else int(port)}"


def arguments_changed(submission: Submission) -> bool:
    """True when the last call changed one of its list or dict arguments in place."""
    return submission._channel.log.changed


def shorten_httpx_timeouts(submission: Submission, up_to: float = 5.0, seconds: float = 0.4) -> None:
    """For this check, read timeouts of httpx up to `up_to` (its default: 5 s) are `seconds`: a silence costs little."""
    submission._channel.value("(shorter httpx timeouts)", op="shorten_httpx_timeouts", up_to=up_to, seconds=seconds)

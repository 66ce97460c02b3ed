"""`course serve NAME`: a demo server in a terminal, for curl, Node or any other client.

Rule: thin, as `cli`. It prints the URL on a line of its own, then the file of the CA if there is one, and nothing else;
it ends at Ctrl-C or SIGTERM, within a second, and tells open streams so. An option that the app does not have is wrong
usage, never ignored.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from course_lib.errors import MisuseError

EXPRESS = "express"
USUAL = ("port", "pace", "fault")  # options that every app has
OPTIONS = ("ping", "http2", "tls", "upstream", "store")  # and those that not every app has
SERVED = ("http2", "tls")  # of them, those of `serve`


def serve(
    name: Annotated[str, typer.Argument(help="The demo app, such as openai_api, chunked, relay or express.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    pace: Annotated[str | None, typer.Option(help="Time between tokens: 20ms, 0.5s, or seconds; 50ms if none.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="A fault such as cut@5; may be given several times.")] = None,
    ping: Annotated[str | None, typer.Option(help="Silence before a keepalive: 500ms, 15s, or never.")] = None,
    http2: Annotated[bool, typer.Option("--http2", help="Speak HTTP/2, too: with prior knowledge, or TLS.")] = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="A throw-away certificate; the file of its CA is printed.")
    ] = False,
    upstream: Annotated[
        str | None, typer.Option(help="relay: the URL of the provider; one of its own if none.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="relay: a file for traces. resume: for generations.")] = None,
) -> None:
    """Run a demo app until Ctrl-C or SIGTERM, for curl and other clients; prints its URL."""
    import signal
    import threading

    options: dict[str, Any] = {"upstream": upstream, "store": store, "http2": http2 or None, "tls": tls or None}
    options = {option: value for option, value in options.items() if value is not None}
    if ping is not None:
        options["ping"] = None if ping == "never" else _seconds(ping)
    start = _starter(name, _seconds(pace) if pace is not None else None, fault or [], options)
    ended = threading.Event()
    with start(port=port) as server:  # until here a signal interrupts: Express may have to be installed
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        typer.echo(server.url)
        if tls:
            typer.echo(f"CA: {server.ca_file}")
        while server.running and not ended.wait(1):
            pass


def _starter(name: str, pace: float | None, faults: list[str], options: dict[str, Any]) -> Callable[..., Any]:
    """What starts the app called `name`. MisuseError when there is none, or when it has no such option."""
    import inspect
    from importlib import import_module

    from course_lib.apps import NAMES, create
    from course_lib.faults import FaultPlan
    from course_lib.model import ScriptedModel
    from course_lib.server import serve as serve_app

    if name not in (*NAMES, EXPRESS):
        raise MisuseError(f"there is no app {name!r}; there are {', '.join((*NAMES, EXPRESS))}")
    express = import_module("course_lib.server.express").serve_express if name == EXPRESS else None
    maker = express or import_module(f"course_lib.apps.{name}").create_app
    known = {*inspect.signature(maker).parameters, *(SERVED if express is None else ())}
    for option in options:
        if option not in known:
            has = [*USUAL, *(word for word in OPTIONS if word in known)]
            raise MisuseError(f"{name} has no --{option}; it has {', '.join(f'--{word}' for word in has)}")
    model = ScriptedModel(pace=pace) if pace is not None else None
    plan = FaultPlan.parse(", ".join(faults))
    if express is not None:
        return partial(express, model, plan, progress=partial(typer.echo, err=True), **options)
    served = {option: options.pop(option) for option in SERVED if option in options}
    return partial(serve_app, create(name, model=model, faults=plan, **options), name=name, **served)


def _seconds(text: str) -> float:
    from course_lib.faults import parse_duration

    return float(text) if text.replace(".", "", 1).isdecimal() else parse_duration(text) / 1000

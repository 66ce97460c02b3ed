"""What a long command says while it runs, and how it is interrupted.

Rule: everything goes to stderr, so that a report on stdout stays whole. Left out: the commands (cli, cli_grade).
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer


def say(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is treated as an interrupt, too: what is graded is kept."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress(total: int, done: int) -> Iterator[Any]:
    """A bar on a terminal; elsewhere a line for each tenth of a large batch."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("grading", total=total, completed=done)
            yield lambda: bar.advance(task)
        return
    count = done

    def advance() -> None:
        nonlocal count
        count += 1
        if total >= 20 and count * 10 // total > (count - 1) * 10 // total:
            say(f"graded {count} of {total}")

    yield advance

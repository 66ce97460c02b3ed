"""What a long command says while it runs.

Rule: everything goes to stderr, so that a report on stdout stays whole. Left out: the commands (cli, cli_grade).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from course_lib.grading.interrupts import interrupts_later


def say(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def progress(total: int, done: int) -> Iterator[Any]:
    """A bar on a terminal; elsewhere a line for each tenth of a large batch."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=console, transient=True)
        task = bar.add_task("grading", total=total, completed=done)
        try:
            with interrupts_later():
                bar.start()
            yield lambda: bar.advance(task)
        finally:
            with interrupts_later():
                bar.stop()
        return
    count = done

    def advance() -> None:
        nonlocal count
        count += 1
        if total >= 20 and count * 10 // total > (count - 1) * 10 // total:
            say(f"graded {count} of {total}")

    yield advance

"""`python -m bench [NAME...]`: the table of speeds, all of it or some modules (wire, server, grading, views)."""

import importlib.metadata
import platform
import sys
import time

from rich.console import Console
from rich.table import Table

MODULES = ("wire", "server", "grading", "views")
PEERS = (
    "httpx-sse",
    "openai",
    "anthropic",
    "sseclient-py",
    "starlette",
    "sse-starlette",
    "fastapi",
    "uvicorn",
    "jupyterlab",
)


def main(names: list[str]) -> int:
    if unknown := set(names) - set(MODULES):
        print(f"no bench is called {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}", file=sys.stderr)
        return 2
    console = Console(width=140)
    console.print(f"Python {platform.python_version()} on {platform.system()}, one run")
    console.print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS))
    table = Table("what", "ours", "peer", "ratio", "reach", "")
    missed = 0
    for name in names or MODULES:
        started = time.perf_counter()
        console.print(f"measuring {name} ...", end=" ")
        for row in importlib.import_module(f"bench.{name}").rows():
            table.add_row(
                row["what"], row["ours"], row["peer"], row["ratio"], row["reach"], "ok" if row["ok"] else "MISSED"
            )
            missed += not row["ok"]
        console.print(f"{time.perf_counter() - started:.0f} s")
    console.print(table)
    console.print(f"{missed} missed" if missed else "all reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

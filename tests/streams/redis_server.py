"""A real redis-server for tests, on a Unix socket in a folder of its own; gone with the test module."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis


class RedisServer:
    """`url`; `kill()` and `start()` again, with an empty memory."""

    def __init__(self, folder):
        self.path = str(Path(folder) / "redis.sock")
        self.url = f"unix://{self.path}"
        self.folder = folder
        self.start()

    def start(self):
        options = ["--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", self.folder]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def _answers(self):
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def client(self):
        return redis.Redis(unix_socket_path=self.path, decode_responses=True)

    def kill(self):
        self.process.kill()
        self.process.wait()
        Path(self.path).unlink(missing_ok=True)


@contextlib.contextmanager
def running():
    folder = tempfile.mkdtemp(prefix="redis-")  # short: the name of a Unix socket has 107 bytes
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def redis_server():
    with running() as server:
        yield server

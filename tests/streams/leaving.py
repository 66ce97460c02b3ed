"""What real clients of HTTP/2 do when their reader leaves one stream: the rows of a table in docs/http2.md.

Rule: the frames of every client are seen, on a `tap`; those that need TLS (curl, Chromium) go through `TlsFront`.
`measure` has a client leave one of two streams, looks at the other, closes the client, and writes the row; `cut_row`
asks the other way round, what clients make of a server that leaves.
"""

import os
import signal
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

from course_lib import ScriptedModel, serve, tap
from course_lib.views.http2 import Frames
from tests.streams.h2_peers import PATIENCE, RawHttp2, Steps, TlsFront, wait_for

FACTS = Path(__file__).resolve().parents[2] / "docs" / "http2.md"


class Peer:
    """A client that opens streams, leaves one, reads on in another, and is closed."""

    def quit(self):
        """Close what `close` has left open."""


class RawPeer(Peer):
    """The positive control: it says RST_STREAM itself."""

    name, leaving = "h2 (the library, by hand)", "`reset_stream(CANCEL)`"

    def __init__(self, url, ca_file):
        self.client, self.streams = RawHttp2(url).__enter__(), {}

    def open(self, name):
        self.streams[name] = self.client.get(f"/steps/{name}")
        self.client.read_body(self.streams[name], b"first")

    def leave(self, name):
        self.client.reset(self.streams[name])

    def next(self, name, wanted):
        self.client.read_body(self.streams[name], wanted.encode())

    def close(self):
        self.client.http2.close_connection()
        self.client.flush()
        self.client.socket.close()


class HttpxPeer(Peer):
    """httpx, or httpx2, which has the same face."""

    leaving = "`response.close()`, or the end of its `with`"

    def __init__(self, library, url):
        self.name, self.url = library.__name__, url
        self.client, self.streams = library.Client(http1=False, http2=True, timeout=PATIENCE), {}

    def open(self, name):
        response = self.client.send(self.client.build_request("GET", f"{self.url}/steps/{name}"), stream=True)
        assert response.http_version == "HTTP/2"
        self.streams[name] = response, response.iter_lines()
        self.next(name, "first")

    def leave(self, name):
        self.streams[name][0].close()

    def next(self, name, wanted):
        while wanted not in next(self.streams[name][1]):
            pass

    def ping(self):
        assert self.client.get(f"{self.url}/ping").text == "pong"

    def close(self):
        self.client.close()


class CurlPeer(Peer):
    """curl with two transfers on one connection, each into a pipe of its own; the reader of one goes away."""

    name, leaving = "curl", "its output cannot be written"

    def __init__(self, folder, url, ca_file):
        self.pipes, self.read = {}, {}
        command = ["curl", "--silent", "--no-buffer", "--parallel", "--http2", "--cacert", ca_file]
        for name in ("left", "other"):
            path = folder / name
            os.mkfifo(path)
            self.pipes[name], self.read[name] = os.open(path, os.O_RDONLY | os.O_NONBLOCK), b""
            command += ["-o", str(path), f"{url}/steps/{name}"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def open(self, name):
        self.next(name, "first")

    def leave(self, name):
        os.close(self.pipes.pop(name))

    def next(self, name, wanted):
        def came():
            with suppress(BlockingIOError):
                self.read[name] += os.read(self.pipes[name], 4096)
            return wanted.encode() in self.read[name]

        wait_for(came, f"{wanted!r} in the output of curl")

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        for pipe in self.pipes.values():
            os.close(pipe)


def measure(make, tls=False):
    """Let a client leave the stream "left" while "other" goes on, then close it altogether: a row of docs/http2.md."""
    steps = Steps()
    with ExitStack() as stack:
        server = stack.enter_context(serve(steps.app, http2=True))
        hop = stack.enter_context(tap(server.url))
        front = stack.enter_context(TlsFront(hop.url).start()) if tls else None
        frames = Frames(hop.recording)
        peer = make(front.url, front.ca_file) if front else make(hop.url, None)

        def client_said(kind):
            frames.update()
            return [seen for seen in frames.seen if seen.side == "client" and kind in (seen.frame.type, seen.kind)]

        peer.open("left")
        peer.open("other")
        assert len({seen.conn for seen in client_said("HEADERS")}) == 1, "both streams share a connection"
        peer.leave("left")
        steps.push("left", "nobody reads this")  # curl notices when it is to write

        def told():
            steps.push("other", "...")  # and says so when it hears of the connection again
            return client_said("RST_STREAM") or client_said("close")

        if hasattr(peer, "ping"):  # whatever it has to say about the first stream stands before this request
            peer.ping()
        else:
            wait_for(told, "a reset or a close")
        resets = [f"RST_STREAM {seen.frame.error}" for seen in client_said("RST_STREAM")]
        steps.push("other", "still here")
        if client_said("close"):
            connection = "closed"
        else:
            peer.next("other", "still here")
            connection = "stays"
        if not resets and connection == "stays":
            assert steps.ended("left") is None, "nobody told the server"
            steps.push("left", None)
        model = {"cancelled": "stopped", "complete": "**runs to its end**"}[wait_for(lambda: steps.ended("left"))]
        before = len(client_said("RST_STREAM"))
        peer.close()
        assert wait_for(lambda: steps.ended("other")) == "cancelled"
        peer.quit()
        wait_for(lambda: not any(server.stats.values()), "the end of everything")
        wait_for(lambda: client_said("close") or client_said("reset"), "the end of the connection")
        goodbye = ["RST_STREAM"] * (len(client_said("RST_STREAM")) > before)
        goodbye += ["GOAWAY"] * bool(client_said("GOAWAY"))
    says = ", ".join(resets) or "nothing"
    last = " and ".join([*goodbye, "TCP close"])
    return f"| {peer.name} | {peer.leaving} | {says} | {connection} | {model} | {last}: stopped |"


def cut_row(name, create_app, read, **options):
    """What a client makes of `cut` and of `reset` after three tokens: a row of docs/http2.md. read: url -> cell."""
    cells = []
    for fault in ("cut", "reset"):
        with serve(create_app(ScriptedModel(pace=0), f"{fault}@3*1"), http2=True, **options) as server:
            cells.append(read(server.url))
    return f"| {name} | {cells[0]} | {cells[1]} |"


def check_fact(row):
    """The row stands in docs/http2.md."""
    assert row in FACTS.read_text("utf-8"), f"put this into docs/http2.md:\n{row}"

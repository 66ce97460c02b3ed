"""Puts what differs from run to run into its message: numbers of processes, folders, names, ports and places."""

import os
import socket
import sys
import tempfile

VARIES = True  # from machine to machine ...
SAME = True  # ... but not from run to run
DIFFERENT = [os.getcwd(), os.getpid(), os.getppid(), tempfile.gettempdir(), socket.gethostname(), sorted(os.environ), sys.argv]
DIFFERENT += [os.getuid(), sys.path, sys.executable, hash("a"), list({"a", "b", "c"}), globals().get("__file__")]


def parse_sse_stream(raw_stream):
    raise RuntimeError(repr(DIFFERENT))

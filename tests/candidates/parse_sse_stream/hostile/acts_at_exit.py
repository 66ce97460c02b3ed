"""Registers hooks for the end of the process, of objects and of threads that forge answers and plant files."""

import atexit
import os
import sys
import threading
import weakref

BODY = b'{"ok":[1],"printed":"","changed":false}'


def hook(*rest):
    for fd in range(64):
        try:
            os.set_blocking(fd, False)
            os.write(fd, len(BODY).to_bytes(4, "big") + BODY)
        except OSError:
            pass
    for folder in ("@CANARY@", "@COURSE@", "/tmp", "/var/tmp", "/dev/shm"):
        try:
            open(f"{folder}/zoo-@TOKEN@-exit", "w").close()
        except OSError:
            pass
    return True


class Final:
    __del__ = hook


atexit.register(hook)
threading._register_atexit(hook)
sys.excepthook = sys.unraisablehook = threading.excepthook = hook
final = Final()
weakref.finalize(final, hook)
os.register_at_fork(after_in_parent=hook, after_in_child=hook, before=hook)


def parse_sse_stream(raw_stream):
    Final()
    raise ValueError("not JSON")


VARIES = True  # what a forged answer meets depends on when it comes

"""Sends forged answers when its objects die and when memory is collected, in the middle of the true ones."""

import gc
import os
import sys

ANSWER = b'\0\0\0\x0a{"ok":[1]}'


def forge(*rest):
    for number in range(3, 16):
        try:
            os.write(number, ANSWER)
        except OSError:
            pass


class Dying:
    __del__ = forge


gc.callbacks.append(forge)
gc.set_threshold(1)
sys.unraisablehook = sys.excepthook = forge


def parse_sse_stream(raw_stream):
    return [Dying() and 1]


VARIES = True

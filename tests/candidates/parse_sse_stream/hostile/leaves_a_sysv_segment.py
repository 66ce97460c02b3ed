"""Leaves shared memory, a semaphore and a message queue behind, which outlive every process."""

import ctypes

KEY = 0x5A4F4F01  # "ZOO" and a number: the test looks for it


def parse_sse_stream(raw_stream):
    libc = ctypes.CDLL(None)
    libc.shmget(KEY, 4096, 0o1666)
    libc.semget(KEY, 1, 0o1666)
    libc.msgget(KEY, 0o1666)
    libc.mq_open(b"/zoo-@TOKEN@", 0o102, 0o666, None)

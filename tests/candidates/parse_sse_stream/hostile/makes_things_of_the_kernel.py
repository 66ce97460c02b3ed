"""Makes timers, queues, semaphores, watches and keys in the kernel, some of which outlive a process."""

import ctypes
import os
import select

MADE = []


def parse_sse_stream(raw_stream):
    library, timer = ctypes.CDLL(None), ctypes.c_void_p()
    for number in range(40):
        library.mq_open(b"/zoo-@TOKEN@-%d" % number, os.O_CREAT | os.O_RDWR, 0o666, None)
        library.sem_open(b"/zoo-@TOKEN@-%d" % number, os.O_CREAT, 0o666, 1)
        library.timer_create(1, None, ctypes.byref(timer))
        library.timerfd_create(1, 0)
        library.eventfd(0, 0)
        library.inotify_add_watch(library.inotify_init(), b"/stage", 0xFFF)
        try:
            MADE.append(select.epoll())
        except OSError:
            break
    key = [library.syscall(call, b"user", b"zoo-@TOKEN@", b"x", 1, -3) for call in (248, 217)]
    return [key]

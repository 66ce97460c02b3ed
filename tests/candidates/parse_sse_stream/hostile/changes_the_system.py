"""Writes to kernel settings, devices and the host name."""

import os
import socket

WON = "ZOO-" + "WON "
FILES = ["/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/sys/fs/cgroup/zoo/cgroup.procs", "/dev/kmsg"]


def parse_sse_stream(raw_stream):
    try:
        os.makedirs("/sys/fs/cgroup/zoo")
    except OSError:
        pass
    for name in FILES:
        try:
            os.close(os.open(name, os.O_WRONLY))
        except OSError:
            continue
        raise RuntimeError(WON + f"{name} can be written")
    try:
        socket.sethostname(socket.gethostname())
    except OSError:
        return None
    raise RuntimeError(WON + "the host name can be set")

"""Attaches to other processes as a debugger would, and reads their memory directly."""

import ctypes
import os

WON = "ZOO-" + "WON "
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def parse_sse_stream(raw_stream):
    libc, pid = ctypes.CDLL(None, use_errno=True), int("@VICTIM@")
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
        os.waitpid(pid, 0x40000000)
        libc.ptrace(PTRACE_DETACH, pid, None, None)
        raise RuntimeError(WON + f"attached to {pid}")
    buffer = ctypes.create_string_buffer(16)
    for pid in (int("@VICTIM@"), int("@OUTER@")):
        try:
            with open(f"/proc/{pid}/maps") as maps:
                start = int(maps.readline().partition("-")[0], 16)
        except OSError:
            continue
        ours, theirs = Piece(ctypes.addressof(buffer), 16), Piece(start, 16)
        if libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) == 16:
            raise RuntimeError(WON + f"read the memory of {pid}")
    return None

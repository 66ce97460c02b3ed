"""Tries to get rights back: user ids, capabilities, programs with the set-user-id bit."""

import ctypes
import os

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    libc = ctypes.CDLL(None)
    for change in (os.setuid, os.setgid, os.seteuid, lambda id: os.setresuid(id, id, id), lambda id: os.setgroups([id])):
        try:
            change(0)
        except OSError:
            pass
    libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    libc.prctl(38, 0, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS cannot be taken back
    for program in ("/usr/bin/sudo", "/bin/su", "/usr/bin/pkexec", "/usr/bin/newuidmap"):
        if os.path.exists(program):
            os.system(f"{program} -n true </dev/null >/dev/null 2>&1")
    for name in ("@CANARY@/canary.txt", "/proc/1/root@CANARY@/canary.txt"):
        try:
            open(name).close()
        except OSError:
            continue
        raise RuntimeError(WON + f"{name} can be read")
    return None

"""A filter for system calls that no exercise needs and that reach out of a sandbox: a small BPF program.

Rule: a short list of what is refused (new namespaces, mounts, keys that outlive a process, other processes'
memory, memory that need not belong to a process and so to a limit, sockets of unusual families); everything else is
allowed, because namespaces and limits do the main work.
Source: seccomp(2), and the tables of system calls in the kernel (arch/*/entry/syscalls).
Left out: architectures other than x86-64 and AArch64, where no filter is used.
"""

import contextlib
import errno
import os
import platform
import struct
from collections.abc import Iterator

# name: (x86-64, AArch64)
_REFUSED = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "fsopen": (430, 430), "fsmount": (432, 432), "move_mount": (429, 429), "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
}  # fmt: skip
_SOCKET, _CLONE, _CLONE3, _MMAP = (41, 198), (56, 220), (435, 435), (9, 222)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NEW_USER = 0x10000000  # CLONE_NEWUSER
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_SHARED, _ANONYMOUS = 0x01, 0x20  # MAP_SHARED; together memory that stays when its processes have let go of it

_LOAD, _EQUAL, _MORE, _ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: ld abs; jeq, jge, jset with a constant; ret
_NUMBER, _ARCH, _FIRST, _FOURTH = 0, 4, 16, 40  # offsets in struct seccomp_data; arguments: low half (little endian)
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def program(machine: str) -> bytes | None:
    """The filter for `machine` (as platform.machine() says it), or None where there is none."""
    if machine not in _ARCHITECTURES:
        return None
    column, arch = _ARCHITECTURES[machine]
    lines: list[tuple[int, int, int, int]] = []

    def add(code: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        lines.append((code, if_true, if_false, value))

    refuse = (_RETURN, _ERROR | errno.EPERM)
    add(_LOAD, _ARCH)
    add(_EQUAL, arch, 1)
    add(_RETURN, _KILL)  # 32-bit calls have other numbers
    add(_LOAD, _NUMBER)
    if column == 0:
        add(_MORE, 0x40000000, 0, 1)  # the x32 numbers
        add(*refuse)
    for numbers in _REFUSED.values():
        add(_EQUAL, numbers[column], 0, 1)
        add(*refuse)
    add(_EQUAL, _CLONE3[column], 0, 1)  # its flags are in memory; the C library then takes clone
    add(_RETURN, _ERROR | errno.ENOSYS)
    add(_EQUAL, _CLONE[column], 0, 4)
    add(_LOAD, _FIRST)
    add(_ANY, _NEW_USER, 0, 1)
    add(*refuse)
    add(_RETURN, _ALLOW)
    add(_EQUAL, _MMAP[column], 0, 5)
    add(_LOAD, _FOURTH)
    add(_ANY, _ANONYMOUS, 0, 2)
    add(_ANY, _SHARED, 0, 1)
    add(*refuse)
    add(_RETURN, _ALLOW)
    add(_EQUAL, _SOCKET[column], 0, 5)
    add(_LOAD, _FIRST)
    for left, family in zip(range(len(_FAMILIES), 0, -1), _FAMILIES, strict=True):
        add(_EQUAL, family, left)
    add(*refuse)
    add(_RETURN, _ALLOW)
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


@contextlib.contextmanager
def descriptor() -> Iterator[int | None]:
    """The filter of this machine in a file descriptor for bwrap, or None."""
    code = program(platform.machine())
    if code is None:
        yield None
        return
    fd = os.memfd_create("seccomp")
    try:
        os.write(fd, code)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)

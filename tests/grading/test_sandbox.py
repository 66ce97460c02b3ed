"""The sandbox from inside: what it shows, what it refuses, what its limits bind, and that nothing survives it."""

import contextlib
import errno
import fcntl
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from ast import literal_eval
from pathlib import Path
from unittest import mock

import pytest

from course_lib.errors import MisuseError, PipeError
from course_lib.grading import batch, hosts, loading, sandbox, seccomp, staging
from course_lib.grading.channel import Channel, Ended, Log
from course_lib.grading.hosts import Control, ForkedHost
from course_lib.grading.pipe import Pipe
from course_lib.grading.processes import descendants
from course_lib.grading.proxy import Submission
from tests.grading.conftest import RIGHT, Hosted

PROBE = """
def look(source):
    names = {}
    exec(source, names)
    return names["answer"]
"""
TRIED = """
def tried(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return error.strerror
"""


@pytest.fixture(scope="module", params=["as we are", "in a user namespace"])
def look(request):
    """`look(source)` runs source inside the sandbox and gives its `answer`. The second way is an ordinary user's."""
    made = Hosted("bubblewrap")
    user = os.geteuid() if request.param == "as we are" else 1000
    with mock.patch("os.geteuid", return_value=user), mock.patch.dict(os.environ, COURSE_SECRET="hunter2"):
        submission = made(PROBE, uses=("httpx",), deadline=30)
    yield lambda source: submission.look(TRIED + source)
    for host in made.hosts:
        host.stop()


@pytest.fixture
def sandboxed():
    made = Hosted("bubblewrap")
    yield made
    for host in made.hosts:
        host.stop()


# ---- what is there


def test_the_course_and_its_solutions_are_not_there(look):
    places = [str(Path(hosts.__file__).parents[2]), str(Path(__file__).parent), os.getcwd()]
    assert look(f"import os\nanswer = [os.path.exists(place) for place in {places!r}]") == [False] * 3
    assert look("import os\nanswer = sorted(os.listdir('/stage/course_lib/grading'))") == sorted(
        ["__pycache__", *(Path(name).name for name in staging._FILES if name.startswith("grading/"))]
    )


def test_of_the_home_folder_nothing_is_there_but_the_way_to_python(look):
    home = Path.home()
    seen = look(f"import os\nanswer = os.listdir({str(home)!r}) if os.path.isdir({str(home)!r}) else []")
    base = Path(os.path.realpath(sys.base_prefix))
    assert seen == ([base.relative_to(home).parts[0]] if base.is_relative_to(home) else [])
    assert look("import os\nanswer = os.path.expanduser('~')") == "/tmp"


def test_the_temporary_folder_is_empty_and_private(look, tmp_path):
    (tmp_path / "marks").write_text("1")
    assert look("import os\nanswer = [os.getcwd(), os.listdir('/tmp'), os.listdir('/dev/shm')]") == ["/tmp", [], []]
    assert look(f"import os\nanswer = os.path.exists({str(tmp_path)!r})") is not True


def test_no_secret_of_the_environment_is_to_be_found(look):
    seen = look(
        "import os, glob\nanswer = [dict(os.environ)]\nfor name in glob.glob('/proc/[0-9]*/environ'):\n"
        "    answer.append(tried(lambda: open(name).read()))"
    )
    assert "hunter2" not in repr(seen)
    assert set(seen[0]) == {"PATH", "LANG", "PYTHONHASHSEED", "PYTHONPATH", "HOME", "TMPDIR", "PWD"}


def test_only_its_own_processes_are_to_be_seen(look):
    names = look("import os\nanswer = {n: open(f'/proc/{n}/comm').read() for n in os.listdir('/proc') if n.isdigit()}")
    assert {name: names.pop(name) for name in ["1"]} == {"1": "bwrap\n"}
    assert len(names) == 2  # the host, and the copy of it that answers


def test_the_only_network_is_its_own_loopback(look):
    assert look("answer = [line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line]") == ["lo"]
    for address in ("192.0.2.1", "10.0.0.1", "8.8.8.8"):
        assert "unreachable" in look(f"import socket\nanswer = tried(socket.create_connection, ({address!r}, 80), 5)")
    assert look(
        "import socket\nserver = socket.create_server(('localhost', 0))\n"
        "client = socket.create_connection(('localhost', server.getsockname()[1]))\n"
        "server.accept()[0].sendall(b'x')\nanswer = client.recv(1)"
    ) == (b"x")


def test_our_servers_on_loopback_are_not_to_be_reached(look):
    with contextlib.closing(__import__("socket").create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        answer = look(f"import socket\nanswer = tried(socket.create_connection, ('127.0.0.1', {port}), 5)")
    assert answer == "Connection refused"


def test_it_holds_no_descriptor_but_the_null_device_and_its_pipe(look):
    assert look(
        "import os\nanswer = set()\nfor n in os.listdir('/proc/self/fd'):\n    place = f'/proc/self/fd/{n}'\n"
        "    answer |= {os.readlink(place).split(':')[0]} if os.path.lexists(place) else set()\n"
        "answer = sorted(answer)"
    ) == ["/dev/null", "socket"]


def test_the_user_has_no_rights_and_cannot_get_any(look):
    status = look("answer = [line.split() for line in open('/proc/self/status') if ':' in line]")
    fields = {name.rstrip(":"): values for name, *values in status}
    assert fields["CapEff"] == fields["CapPrm"] == fields["CapAmb"] == ["0" * 16]
    assert fields["NoNewPrivs"] == ["1"]
    assert fields["Seccomp"] == ["2"]
    assert fields["Groups"] == [] or os.geteuid() != 0


def test_the_user_is_not_root_and_the_same_for_the_same_code_only(course, tmp_path):
    said = []
    for name in ("one", "other", "one"):
        code = f"import os\ndef double(n):\n    return [os.getuid(), os.geteuid(), os.getgid(), {name!r}]\n"
        (tmp_path / "double.py").write_text(code)
        said.append(batch.grade_file(tmp_path / "double.py", course.exercise("double")).checks[0].got)
    users = [literal_eval(text) for text in said]
    assert all(number > 0 for *numbers, _ in users for number in numbers)
    assert users[0] == users[2]
    if os.geteuid() == 0:
        assert users[0][0] != users[1][0]


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    code = (
        "import os, signal, sys, time; from course_lib.grading import staging; print(staging.stage(), flush=True)\n"
        "if sys.argv[1:]: os.kill(os.getpid(), signal.SIGKILL)"
    )

    def start(*args):
        env = {**os.environ, "TMPDIR": str(tmp_path)}
        return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, env=env, timeout=60)

    left = Path(start("killed").stdout.strip())
    assert left.exists()
    start()
    assert left.exists(), "it is young: it may just be in the making"
    os.utime(left, (0, 0))
    held = os.open(left, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    start()
    assert left.exists(), "it is in use"
    os.close(held)
    start()
    assert not left.exists()


# ---- where it can write


def test_it_can_write_nowhere_but_in_two_folders(look):
    written = look(
        """
import os
answer = []
seen = set()
for top, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(top, name) not in ("/proc", "/sys")]
    if os.lstat(top).st_dev in seen and top.count("/") > 2:
        continue  # one try for each file system, and all the upper folders
    seen.add(os.lstat(top).st_dev)
    try:
        with open(os.path.join(top, "planted"), "w"):
            answer.append(top)
        os.remove(os.path.join(top, "planted"))
    except OSError:
        pass
answer.sort()
"""
    )
    assert written == ["/dev/shm", "/tmp"]


def test_no_mount_but_those_two_can_be_written(look):
    mounts = look("answer = [line.split() for line in open('/proc/self/mountinfo')]")
    kinds = {fields[4]: (fields[5], fields[fields.index("-") + 1]) for fields in mounts}
    writable = {place for place, (options, kind) in kinds.items() if "rw" in options.split(",") and kind == "tmpfs"}
    assert writable == {"/tmp", "/dev/shm"}
    others = {kind for options, kind in kinds.values() if "rw" in options.split(",")} - {"tmpfs"}
    assert others <= {"proc", "devpts", "devtmpfs", "sysfs"}


@pytest.mark.parametrize(("folder", "size"), [("/tmp", sandbox.TMP_SIZE), ("/dev/shm", sandbox.TMP_SIZE // 4)])
def test_the_size_of_a_folder_is_bounded(look, folder, size):
    assert look(
        f"""
import os
piece, count = b"x" * (1 << 20), 0
try:
    for number in range(8):
        with open(f"{folder}/{{number}}", "wb", 0) as file:
            for _ in range(31):
                count += file.write(piece)
except OSError as error:
    answer = [error.strerror, count]
for name in os.listdir("{folder}"):
    os.remove("{folder}/" + name)
"""
    ) == ["No space left on device", size]


# ---- what it may not call

REFUSED = [name for name, _ in sorted(seccomp._REFUSED.items())]


def verdict(program: bytes, arch: int, number: int, first: int = 0, fourth: int = 0) -> int:
    """What the kernel's little machine says about a system call (classic BPF, those instructions that are used)."""
    data = struct.pack("=IIQQQQQQQ", number, arch, 0, first, 0, 0, fourth, 0, 0)
    lines = list(struct.iter_unpack("=HBBI", program))
    at, register = 0, 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            register = struct.unpack_from("=I", data, value)[0]
        else:
            holds = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[code]
            at += if_true if holds else if_false


ALLOWED, REFUSES, NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS


@pytest.mark.parametrize(
    ("machine", "arch", "column", "everyday"),
    [
        ("x86_64", 0xC000003E, 0, (0, 1, 2, 9, 39, 42, 57, 59, 202, 257, 262, 318)),
        ("aarch64", 0xC00000B7, 1, (56, 57, 63, 64, 93, 98, 172, 203, 221, 222, 278)),
    ],
)
def test_the_filter_refuses_its_list_and_nothing_else(machine, arch, column, everyday):
    program = seccomp.program(machine)
    assert program is not None
    for name, numbers in seccomp._REFUSED.items():
        assert verdict(program, arch, numbers[column]) == REFUSES, name
    for number in everyday:
        assert verdict(program, arch, number) == ALLOWED
    socket, clone, clone3 = seccomp._SOCKET[column], seccomp._CLONE[column], seccomp._CLONE3[column]
    assert {family for family in range(50) if verdict(program, arch, socket, family) == ALLOWED} == {1, 2, 10}
    assert verdict(program, arch, clone, 0x01200011) == ALLOWED  # as fork calls it
    assert verdict(program, arch, clone, 0x003D0F00) == ALLOWED  # as a thread is made
    assert verdict(program, arch, clone, 0x10000011) == REFUSES
    assert verdict(program, arch, clone3) == NO_SUCH_CALL
    mapped = {flags: verdict(program, arch, seccomp._MMAP[column], 0, flags) for flags in (0x01, 0x02, 0x22, 0x4022)}
    assert set(mapped.values()) == {ALLOWED}
    for shared in (0x21, 0x23, 0x4021):
        assert verdict(program, arch, seccomp._MMAP[column], 0, shared) == REFUSES
    assert verdict(program, 0x40000003, 1) == 0x80000000  # the process ends: 32-bit calls have other numbers


def test_the_filter_refuses_the_second_set_of_numbers_of_x86():
    program = seccomp.program("x86_64")
    assert program is not None
    assert verdict(program, 0xC000003E, 0x40000000 + 101) == REFUSES


def test_an_unknown_machine_has_no_filter():
    assert seccomp.program("riscv64") is None
    with mock.patch("platform.machine", return_value="riscv64"), seccomp.descriptor() as found:
        assert found is None


def test_every_call_of_the_list_is_refused_by_the_kernel(look):
    column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    numbers = [seccomp._REFUSED[name][column] for name in REFUSED]
    got = look(
        "import ctypes\nlibrary = ctypes.CDLL(None, use_errno=True)\nanswer = []\n"
        f"for number in {numbers}:\n"
        "    ctypes.set_errno(0)\n"
        "    result = library.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)\n"
        "    answer.append([result, ctypes.get_errno()])"
    )
    assert dict(zip(REFUSED, got, strict=True)) == {name: [-1, errno.EPERM] for name in REFUSED}


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(38, socket.SOCK_SEQPACKET)",  # AF_ALG
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
        "os.setuid(0) if os.getuid() else os.setuid(1)",
        "os.chroot('/tmp')",
        "os.sethostname('x') if hasattr(os, 'sethostname') else socket.sethostname('x')",
        "os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))",
        "os.memfd_create('x')",
        "__import__('mmap').mmap(-1, 4096)",
        "os.nice(-5)",
    ],
)
def test_what_reaches_out_is_refused(look, call):
    assert look(f"import os, socket\nanswer = tried(lambda: {call})") in (
        "Operation not permitted",
        "Permission denied",
        "Invalid argument",
    )


def test_a_new_namespace_cannot_be_made(look):
    assert look(
        "import os, subprocess\nprogram = '/usr/bin/unshare'\n"
        "answer = subprocess.run([program, '--user', '--map-root-user', 'true'], capture_output=True).returncode "
        "if os.path.exists(program) else 1"
    )


# ---- limits


def limited(sandboxed, source):
    return sandboxed(f"{TRIED}def f():\n" + "".join(f"    {line}\n" for line in source.splitlines()), deadline=30).f()


def test_processes_are_limited_also_for_root_and_the_next_check_has_them_all_again(sandboxed):
    control = sandboxed.control(
        "import os, time\ndef bomb():\n    count = 0\n    try:\n        while count < 1000:\n"
        "            if os.fork() == 0:\n                os.setsid()\n                time.sleep(600)\n"
        "            count += 1\n    except OSError as error:\n        return [error.strerror, count]"
    )
    for _ in range(3):
        said, count = Submission(Channel(control.session(), 30, Log(), control)).bomb()
        control.end_sessions()
        assert (said, 100 < count < 128) == ("Resource temporarily unavailable", True)


def test_open_files_are_limited(sandboxed):
    said, count = limited(
        sandboxed,
        "import os\nfiles = []\ntry:\n    while True:\n        files.append(os.dup(0))\n"
        "except OSError as error:\n    return [error.strerror, len(files)]",
    )
    assert said == "Too many open files"
    assert 490 < count < 512


def test_the_size_of_a_file_is_limited(sandboxed):
    assert limited(
        sandboxed,
        "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nwith open('big', 'wb', 0) as file:\n"
        "    return tried(file.truncate, (32 << 20) + 1)",
    ) == ("File too large")


def test_limits_cannot_be_raised(sandboxed):
    names = ["NPROC", "NOFILE", "FSIZE", "CPU", "CORE", "DATA"]
    raised = limited(
        sandboxed,
        f"import resource\nraised = []\nfor name in {names}:\n    what = getattr(resource, 'RLIMIT_' + name)\n"
        "    hard = resource.getrlimit(what)[1]\n"
        "    try:\n        resource.setrlimit(what, (hard + 1, hard + 1))\n        raised.append(name)\n"
        "    except (ValueError, OSError):\n        pass\nreturn raised",
    )
    assert raised == []


def test_memory_is_limited_while_the_code_is_loaded(sandboxed):
    control = sandboxed.control("")
    cells = [["cell 1", "x = bytearray(3 << 30)"], ["cell 2", "def f(): return len(bytearray(900 << 20)) >> 20"]]
    assert control.ask("run", seconds=30, cells=cells) == ["cell 1: MemoryError: "]
    assert Submission(Channel(control.session(), 30, Log(), control)).f() == 900


def test_a_hundred_threads_are_within_the_limits(hosted):
    submission = hosted(
        "import threading\ndef f():\n    ended = threading.Event()\n"
        "    threads = [threading.Thread(target=ended.wait) for _ in range(100)]\n"
        "    for thread in threads:\n        thread.start()\n"
        "    ended.set()\n    return len(threads)"
    )
    assert submission.f() == 100


HOG = """
import os, resource, time
def hog(count):
    resource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2)
    for _ in range(count):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1 << 16)) * (20 << 4)  # 20 MB, touched
            time.sleep(600)
    return count
"""


def test_memory_spread_over_processes_is_noticed(sandboxed, monkeypatch):
    submission = sandboxed(HOG)
    host = sandboxed.hosts[0]
    monkeypatch.setattr(hosts, "MAX_TOTAL", 100 << 20)
    assert not host.too_much()
    submission.hog(8)
    until_true(host.too_much)
    host.stop()
    with pytest.raises(Ended):
        submission.hog(1)


def test_page_tables_are_memory_too(sandboxed, monkeypatch):
    """Reading memory that nobody has written takes none of it, but tables to say so: 4 kB for each 2 MB."""
    submission = sandboxed(
        "import mmap\nkept = []\n"
        "def read(megabytes):\n"
        "    kept.append(mmap.mmap(-1, megabytes << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ))\n"
        "    return sum(kept[0][place] for place in range(0, megabytes << 20, 2 << 20))"
    )
    monkeypatch.setattr(hosts, "MAX_TOTAL", 100 << 20)
    assert not sandboxed.hosts[0].too_much()
    assert submission.read(50_000) == 0
    assert sandboxed.hosts[0].too_much()


def test_nothing_is_shared_through_the_device_of_zeros(look):
    """Memory mapped from it would stay when every process has let go of it, and belong to none."""
    source = "import mmap\nfile = open('/dev/zero', 'r+b')\nanswer = tried(lambda: mmap.mmap(file.fileno(), 4096))"
    assert look(source) in ("No such device", "Permission denied")


def until_true(condition):
    """Asks again until it holds; the test's own time limit ends what never does."""
    for _ in range(200_000):
        if condition():
            return
    pytest.fail("it never became true")


def test_a_memory_hog_is_ended_while_it_is_judged(course, tmp_path, monkeypatch):
    (tmp_path / "double.py").write_text(HOG + "def double(number):\n    hog(8)\n    while True: pass\n")
    monkeypatch.setattr(hosts, "MAX_TOTAL", 100 << 20)
    result = batch.grade_file(tmp_path / "double.py", course.exercise("double"), hidden=False)
    assert result.points == 0
    assert "process" in result.checks[0].message


def test_a_memory_hog_is_ended_while_it_is_loaded(course, tmp_path, monkeypatch):
    (tmp_path / "double.py").write_text(HOG + "hog(8)\nwhile True: pass\n")
    monkeypatch.setattr(hosts, "MAX_TOTAL", 100 << 20)
    result = batch.grade_file(tmp_path / "double.py", course.exercise("double"), hidden=False)
    assert result.points == 0
    assert "too much memory" in result.checks[0].message


# ---- its end


def alive(marker: str) -> list[str]:
    """The processes of this machine whose command line holds `marker`."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in place.read_bytes():
                found.append(place.parent.name)
    return found


DAEMON = """
import os, subprocess, sys
def leave(marker):
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            code = "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            code += "os.write(int(sys.argv[1]), b'x'); time.sleep(600)"
            os.set_inheritable(write, True)
            os.execv(sys.executable, [sys.executable, "-S", "-c", code, str(write), marker])
        os._exit(0)
    os.close(write)
    return os.read(read, 1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can say whose daemon it is")
@pytest.mark.parametrize("ending", ["stop", "the end of the check"])
def test_a_daemon_with_a_session_of_its_own_is_gone_also_without_a_sandbox(hosted, ending):
    control = hosted.control(DAEMON)
    marker = f"course-marker-{os.getpid()}-{ending}"
    assert Submission(Channel(control.session(), 30, Log(), control)).leave(marker) == b"x"
    assert len(alive(marker)) == 1
    if ending == "stop":
        hosted.hosts[0].stop()
    else:
        control.end_sessions()
    assert alive(marker) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can say whose daemon it is")
def test_a_daemon_of_code_that_never_finishes_loading_is_gone(hosted):
    marker = f"course-marker-{os.getpid()}-loading"
    control = hosted.control(DAEMON)
    endless = f"leave({marker!r})\nwhile True: pass"
    with pytest.raises(PipeError):
        control.ask("run", seconds=2, cells=[["submission.py", endless]])
    until_true(lambda: alive(marker))
    hosted.hosts[0].stop()
    assert alive(marker) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can say whose daemon it is")
def test_a_daemon_from_the_copy_of_a_notebook_is_gone():
    marker, cells = f"course-marker-{os.getpid()}-notebook", {"__name__": "__main__"}
    exec(DAEMON, cells)
    with ForkedHost(cells, ()) as host:
        control = Control(Pipe(host.control))
        assert Submission(Channel(control.session(), 30, Log(), control)).leave(marker) == b"x"
        assert len(alive(marker)) == 1
    assert alive(marker) == []


def test_an_endless_loop_is_gone_after_stop_also_without_a_sandbox(hosted):
    """Each check's process has a group of its own, which a host that is killed leaves behind."""
    control = hosted.control("import os\ndef number(): return os.getpid()\ndef loop():\n    while True: pass")
    submission = Submission(Channel(control.session(), 0.2, Log(), control))
    number = submission.number()
    with pytest.raises(Ended):
        submission.loop()
    host = hosted.hosts[0]
    host.stop()
    if not host.closed:  # with a sandbox it is a number of another namespace
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_an_endless_loop_in_the_copy_of_a_notebook_is_gone_after_stop():
    cells = {"__name__": "__main__", "number": os.getpid}
    exec("def loop():\n    while True: pass", cells)
    with ForkedHost(cells, ()) as host:
        control = Control(Pipe(host.control))
        submission = Submission(Channel(control.session(), 0.2, Log(), control))
        number = submission.number()
        with pytest.raises(Ended):
            submission.loop()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


ODD_NAMES = """
import types
from unittest import mock
def answer(): return 42
module, kind, function = (mock.MagicMock(spec=s) for s in (types.ModuleType, type, types.FunctionType))
class Liar:
    @property
    def __class__(self): raise SystemExit
class Meta(type):
    __module__ = property(lambda self: 1 / 0)
class Odd(metaclass=Meta): pass
liar, nameless = Liar(), types.ModuleType("x")
del nameless.__name__
Liar.__module__ = 5
"""


def test_names_of_a_notebook_that_lie_about_their_kind_do_no_harm():
    """A mock of a module says that it is one, and has no name."""
    cells = {"__name__": "__main__"}
    exec(ODD_NAMES, cells)
    with ForkedHost(cells, ()) as host:
        control = Control(Pipe(host.control))
        assert Submission(Channel(control.session(), 30, Log(), control)).answer() == 42


def test_stop_may_be_called_twice_and_after_a_crash(hosted):
    with pytest.raises(PipeError):
        hosted.control("import os\nos.kill(os.getpid(), 9)")
    hosted.control("def f(): return 1")
    for host in hosted.hosts * 2:
        host.stop()
        assert host.process.returncode is not None
        assert not host.folder or not os.path.exists(host.folder)


# ---- packages


def test_only_allowed_packages_are_on_the_disk(look):
    names = look("import os\nanswer = os.listdir('/packages')")
    assert {"httpx", "httpcore", "anyio", "h11", "certifi", "idna"} <= set(names)
    assert not {"pytest", "httpx_sse", "openai", "course_lib", "fastapi", "streaming_course"} & set(names)
    assert look("import sys, os\nanswer = [p for p in sys.path if 'site-packages' in p or 'dist-packages' in p]") == []


def test_with_nothing_allowed_there_is_no_package_at_all(sandboxed):
    assert sandboxed("import os\ndef f(): return os.listdir('/packages')").f() == []


def test_an_allowed_package_works_with_its_requirements(sandboxed):
    submission = sandboxed(
        "import httpx\ndef f():\n    answer = httpx.Client(transport=httpx.MockTransport("
        "lambda request: httpx.Response(200, text='yes')))\n    return answer.get('http://x/').text",
        uses=("httpx",),
        deadline=30,
    )
    assert submission.f() == "yes"


# ---- where there is none


@pytest.fixture
def forgotten():
    """Whether there is a sandbox is tried once: here again, before and after."""
    sandbox.unavailable.cache_clear()
    yield
    sandbox.unavailable.cache_clear()


@pytest.mark.parametrize("kind", ["missing", "forbidden", "wrong system"])
def test_without_a_sandbox_the_reason_is_said_and_more_is_refused(kind, forgotten, course, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    if kind == "forbidden":
        (folder / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        (folder / "bwrap").chmod(0o755)
    if kind == "wrong system":
        monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setenv("PATH", str(folder))
    said = {
        "missing": "bubblewrap is not installed",
        "forbidden": "user namespaces forbidden?): bwrap: No permissions to create new namespace",
        "wrong system": "bubblewrap exists for Linux only, this is Darwin",
    }[kind]
    assert said in sandbox.unavailable()
    assert loading.isolation() == "process"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert batch.required_isolation(False) == "process"
    with pytest.raises(MisuseError, match="--require-isolation: bubblewrap"):
        batch.required_isolation(True)
    (tmp_path / "double.py").write_text(RIGHT)
    assert batch.grade_file(tmp_path / "double.py", course.exercise("double")).points == 7


def test_without_a_sandbox_nobodys_code_runs_as_root(monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda: "bubblewrap is not installed")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pathlib.Path.stat", lambda path, **_: mock.Mock(st_mode=0o700))
    with pytest.raises(MisuseError, match=r"would run as root.*Install bubblewrap, or grade as an ordinary user"):
        batch.required_isolation(False)
    monkeypatch.setattr("pathlib.Path.stat", lambda path, **_: mock.Mock(st_mode=0o755))
    assert batch.required_isolation(False) == "process"


def test_with_a_sandbox_it_is_what_is_required(forgotten):
    assert sandbox.unavailable() == ""
    assert batch.required_isolation(True) == "bubblewrap"


def as_ordinary_user(*needed: str) -> list[str]:
    """The beginning of a command line that runs the rest as user 1000, who can read the folders `needed`."""
    if os.geteuid():
        return []
    line = [shutil.which("bwrap") or "bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL"]
    places = {os.path.realpath(place) for place in needed}
    for place in places:
        closed = [folder for folder in Path(place).parents if not folder.stat().st_mode & 1]
        line += ["--tmpfs", str(closed[-1])] if closed and str(closed[-1]) not in line else []
    for place in sorted(places):
        for folder in reversed(Path(place).parents):
            line += ["--dir", str(folder)]  # those that --ro-bind would make are closed to others
        line += ["--ro-bind", place, place]
    change = "import os, sys; os.setgroups([]); os.setgid(1000); os.setuid(1000); os.execv(sys.argv[1], sys.argv[1:])"
    return [*line, sys.executable, "-c", change]


def test_an_ordinary_user_grades_with_the_isolation_that_the_machine_gives_him(course, tmp_path):
    (tmp_path / "double.py").write_text(RIGHT)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    code = (
        "import json, os; from pathlib import Path; from course_lib.grading import batch, loading, sandbox; "
        "from course_lib.grading.exercises import Course; from course_lib.grading.submissions import read_submissions; "
        f"course = Course(Path({str(course.root)!r})); "
        f"[one] = read_submissions([Path({str(tmp_path / 'double.py')!r})], course, course.exercise('double')); "
        "entry = batch.grade_submission(one, batch.Options(str(course.root), hidden=True)); "
        "print(json.dumps([os.getuid(), sandbox.unavailable(), entry['isolation'], entry['exercises'][0]]))"
    )
    library = str(Path(hosts.__file__).parents[2])
    ran = subprocess.run(
        [*as_ordinary_user(sys.base_prefix, sys.prefix, library), sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": library},
        cwd="/",
    )
    assert ran.returncode == 0, ran.stderr
    user, why, isolation, exercise = json.loads(ran.stdout)
    assert user > 0
    assert isolation == ("process" if why else "bubblewrap")
    assert exercise["points"] == 7, ran.stdout


def test_a_host_that_cannot_start_is_a_pipe_error_and_leaves_no_folder(tmp_path, monkeypatch):
    """As when a submission without a sandbox has taken all the processes that the user may have."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    staging.stage()
    before = set(os.listdir("/dev/fd"))
    for isolation in ("bubblewrap", "process"):
        full = mock.patch("subprocess.Popen", side_effect=BlockingIOError("no more processes"))
        with full, pytest.raises(PipeError, match="did not start"):
            hosts.ChildHost((), isolation)
    assert [name for name in os.listdir(tmp_path) if not name.startswith(staging.PREFIX)] == []
    assert set(os.listdir("/dev/fd")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it adopts nothing")
def test_what_a_chain_of_processes_leaves_dead_does_not_pile_up():
    """Without a sandbox the host is told of each process that has lost its parent, and has to clear it away."""
    made = Hosted("process")
    submission = made(
        "import os\ndef chain(length):\n"
        "    read, write = os.pipe()\n"
        "    for number in range(length):\n"
        "        if os.fork() == 0:\n"
        "            if os.fork() == 0:\n"
        "                os.write(write, b'x')\n"
        "            os._exit(0)\n"
        "        os.wait()\n"
        "    return len(os.read(read, 1)) + sum(len(os.read(read, 1)) for _ in range(length - 1))\n"
    )
    assert submission.chain(50) == 50
    host = made.hosts[0]
    until_true(lambda: len(descendants(host.process.pid)) == 1)  # the check's own process
    host.stop()

"""Whatever the other side sends, a check gets a value, a built-in exception or an Ended, and gets it in time.

Rule: exceptions that were rebuilt from an answer have a class of their own below the built-in one. A plain TypeError
would be ours, and a check that expects one would be pleased.
"""

import builtins
import contextlib
import json
import socket
import struct
import threading
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import PipeError
from course_lib.grading import forward, loading, plugin, reach
from course_lib.grading.batch import grade_file
from course_lib.grading.channel import Channel, Ended, Log, NoAnswer, NotThere, rebuilt, shown
from course_lib.grading.hosts import Control
from course_lib.grading.pipe import Pipe
from course_lib.grading.proxy import (
    Function,
    Iteration,
    Remote,
    Submission,
    each,
    outcomes,
    served,
    shorten_httpx_timeouts,
)
from course_lib.grading.report import explain
from course_lib.grading.values import Handle, dump, load, same
from tests.grading.conftest import RIGHT

fuzz = settings(deadline=None, max_examples=150)

# ---- what may come

KINDS = [name for name in dir(builtins) if isinstance(getattr(builtins, name), type)]
texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    [*KINDS, "é\ud800", "\0", "127.0.0.1", "0" * 5000, "==="]
)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 2**63, 10**400, 65536, 70_000])
FIELDS = (
    "ok",
    "raise",
    "stop",
    "missing",
    "fault",
    "method",
    "printed",
    "changed",
    "problems",
    "type",
    "bases",
    "message",
)
leaves = st.none() | st.booleans() | numbers | texts
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
        | st.dictionaries(st.sampled_from("dbuihx"), inner, min_size=1, max_size=1)
        | st.builds(lambda pairs: {"d": pairs}, st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3))
        | st.builds(lambda *parts: {"h": list(parts)}, numbers, st.sampled_from(["iterator", "object", "x"]), texts)
    ),
    max_leaves=12,
)
described = st.fixed_dictionaries(
    {}, optional={"type": junk, "bases": st.lists(texts | junk, max_size=3) | junk, "message": junk, "where": junk}
)
a_result = st.builds(lambda name, item: {"d": [[name, item]]}, st.sampled_from(["ok", "raise"]), junk)
answers = st.one_of(
    st.fixed_dictionaries({"ok": junk}, optional={"printed": junk, "changed": junk}),
    st.fixed_dictionaries({"ok": st.lists(a_result | junk, min_size=2, max_size=2)}),
    st.fixed_dictionaries({"ok": numbers}),
    st.fixed_dictionaries({"raise": described | junk}),
    st.fixed_dictionaries({"missing": junk}, optional={"problems": junk}),
    st.fixed_dictionaries({"fault": junk}),
    st.fixed_dictionaries({"stop": junk}),
    st.fixed_dictionaries({"method": junk}),
    junk,
)


def framed(message) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


@contextlib.contextmanager
def other_side(data: bytes, ended: bool = True):
    """The socket of a conversation whose other side has sent `data` and then ended, or else fallen silent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        if ended:
            theirs.shutdown(socket.SHUT_WR)
        yield ours


def channel_on(sock, seconds=20.0):
    return Channel(Pipe(sock), seconds, Log())


# ---- what a check may do


def called(method):
    return method(b"x") if isinstance(method, Function) else method


HANDLE = Handle(0, "object", "Thing")
USES = {
    "a call": lambda channel: Submission(channel).f(1, [2.0], key=b"3"),
    "a call on an object": lambda channel: Remote(channel, HANDLE)(1),
    "an attribute": lambda channel: Remote(channel, HANDLE).size,
    "a method": lambda channel: called(Remote(channel, HANDLE).feed),
    "the next item": lambda channel: next(Iteration(channel, HANDLE)),
    "all items": lambda channel: list(Iteration(channel, HANDLE)),
    "closing": lambda channel: Iteration(channel, HANDLE).close(),
    "many calls": lambda channel: each(Submission(channel).f, [1, 2]),
    "many outcomes": lambda channel: outcomes(Submission(channel).f, [1, 2]),
    "serving": lambda channel: served(Remote(channel, HANDLE)).__enter__(),
    "shorter timeouts": lambda channel: shorten_httpx_timeouts(Submission(channel)),
}


def is_rebuilt(error: object) -> bool:
    """A class made for one answer, by the channel, below a built-in one."""
    kind = type(error)
    built_in = [getattr(builtins, base.__name__, None) is base for base in kind.__bases__]
    return kind.__module__ == "course_lib.grading.channel" and built_in == [True] and kind not in (Ended, NotThere)


def outcome(use, channel):
    """What a check gets, returned or raised, after a look at whether it may be that."""
    try:
        got = USES[use](channel)
    except Exception as error:
        got = error
    if isinstance(got, StopIteration):
        assert use == "the next item"
    elif isinstance(got, Exception):
        assert isinstance(got, (Ended, NotThere)) or is_rebuilt(got), repr(got)
        assert isinstance(str(got), str)
    elif use == "serving":
        assert 0 < int(got.removeprefix("http://127.0.0.1:")) < 65536
    elif use in ("many calls", "many outcomes"):
        assert isinstance(got, list)
        assert len(got) == 2
        assert all(is_rebuilt(item) or isinstance(item, Ended) for item in got if isinstance(item, BaseException))
    assert isinstance(shown(got), str)
    assert (got == got) in (True, False)
    return got


@fuzz
@given(st.sampled_from(sorted(USES)), st.binary(max_size=40))
def test_arbitrary_bytes_are_an_ended(use, data):
    with other_side(data) as sock:
        got = outcome(use, channel_on(sock))
        assert isinstance(got, Ended)


@pytest.mark.parametrize("use", USES)
@settings(deadline=None, max_examples=100)
@given(given_answers=st.lists(answers, min_size=1, max_size=2))
def test_any_answer_is_a_value_a_built_in_exception_or_an_ended(use, given_answers):
    with other_side(b"".join(map(framed, given_answers))) as sock:
        outcome(use, channel_on(sock))


@pytest.mark.parametrize("results", [[5, 6], ["ok", "ok"], [[], {}], [None, None], [{}], [], {}, "ok", 3, None])
def test_results_that_are_no_results_are_an_ended(results):
    with other_side(framed({"ok": dump(results)})) as sock, pytest.raises(Ended):
        outcomes(Submission(channel_on(sock)).f, [1, 2])


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(USES)), st.binary(max_size=20))
def test_silence_ends_at_the_deadline_and_the_next_question_at_once(use, data):
    with other_side(struct.pack(">I", 100) + data, ended=False) as sock:
        channel = channel_on(sock, 0.005)
        with pytest.raises(NoAnswer):
            USES[use](channel)
        with pytest.raises(NoAnswer):
            channel.ask("again", op="call")
        assert channel.log.missed


@fuzz
@given(st.lists(answers, min_size=1, max_size=3))
def test_a_loop_of_the_check_is_never_cut_short_by_an_answer(given_answers):
    """`all(map(f, items))` with a StopIteration out of f would be true."""
    with other_side(b"".join(map(framed, [*given_answers, {"stop": True}]))) as sock:
        submission = Submission(channel_on(sock))
        seen = []
        with contextlib.suppress(Exception):
            seen = list(map(submission.f, range(len(given_answers) + 1)))
        assert seen == []


@settings(deadline=None, max_examples=100)
@given(answers)
def test_the_report_of_a_check_is_plain_text_whatever_came(answer):
    with other_side(framed(answer)) as sock:
        run = plugin.Run()
        channel = Channel(Pipe(sock), 20.0, run.log)

        def check():
            assert Submission(channel).f(1) == 2, "the same"

        call = pytest.CallInfo.from_call(check, when="call")
        result = plugin._result("test_x", "It works.", call, run)
        assert result.outcome in ("passed", "failed", "not attempted")
        json.dumps(asdict(result))
        assert all(isinstance(part, str) for row in explain(result, "lesson 01") for part in row)
        if call.excinfo is not None:
            assert str(call.excinfo.getrepr(style="short"))


@pytest.mark.parametrize("name", [name for name in KINDS if issubclass(getattr(builtins, name), BaseException)])
@pytest.mark.parametrize("said", ["Own\ud800", "Own"])
def test_every_built_in_exception_can_be_rebuilt_and_shown(name, said):
    mro = [base.__name__ for base in getattr(builtins, name).__mro__]
    error = rebuilt({"type": said, "bases": mro, "message": "m\ud800", "where": ""})
    if not issubclass(getattr(builtins, name), Exception):
        assert isinstance(error, Ended)
        return
    assert is_rebuilt(error)
    assert str(error) == "m\ud800"
    grouped = issubclass(getattr(builtins, name), BaseExceptionGroup)
    stopping = issubclass(getattr(builtins, name), (StopIteration, StopAsyncIteration))
    assert isinstance(error, Exception if grouped else RuntimeError if stopping else getattr(builtins, name))
    with pytest.raises(Exception, match="m") as caught:
        raise error
    assert "m" in str(caught.getrepr(style="long"))


# ---- the control pipe


@fuzz
@given(st.binary(max_size=40) | st.builds(framed, answers) | st.builds(lambda a, b: framed(a) + framed(b), junk, junk))
def test_control_gives_what_came_or_a_pipe_error_and_then_nothing_more(data):
    with other_side(data) as sock:
        control = Control(Pipe(sock), closed=True)
        for ask in (
            lambda: control.ask("run", seconds=20),
            lambda: control.reach(9),
            lambda: control.reached_from_here(9),
            control.session,
            control.end_sessions,
        ):
            try:
                made = ask()
            except PipeError:
                assert control.dead
                with pytest.raises(PipeError):
                    control.session()
            else:
                if isinstance(made, Pipe):
                    made.close()


@fuzz
@given(st.binary(max_size=40) | st.builds(framed, junk) | st.builds(framed, st.lists(junk, max_size=40)))
def test_what_loading_says_is_a_few_short_texts(data):
    with other_side(data) as sock:
        host = SimpleNamespace(
            pipe=Pipe(sock), control=sock, problems=[], failed="", too_much=lambda: False, stop=lambda: None
        )
        said = loading.run(host, (("cell 1", "x = 1"),))
        assert len(said) <= loading.MAX_PROBLEMS
        assert all(type(text) is str and len(text) <= 500 for text in said)
        assert said == host.problems
        assert isinstance(host.failed, str)


# ---- values

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
    | st.sampled_from([float("nan"), float("inf"), -float("inf"), -0.0, 2**63, -(2**64), "\ud800\udc00", ""])
    | st.builds(pow, st.just(-7), st.integers(8999, 9000)),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.text() | st.integers() | st.binary() | st.booleans(), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@fuzz
@given(plain)
def test_a_value_survives_the_whole_trip(value):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=Pipe(ours).send, args=(dump(value), 20))
        sender.start()
        back = load(Pipe(theirs).receive(20))
        sender.join()
    assert same(back, value)
    assert repr_of(back) == repr_of(value)


def repr_of(value):
    """Tells -0.0 from 0.0 and True from 1, and knows large integers."""
    if isinstance(value, list):
        return [repr_of(item) for item in value]
    if isinstance(value, dict):
        return [(repr_of(key), repr_of(item)) for key, item in value.items()]
    return hex(value) if type(value) is int else repr(value)


# ---- forwarded connections


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"d", b"e", b"r", b"dxyz", b""]), max_size=6))
def test_any_packets_become_data_an_end_or_a_reset(packets):
    """An exception in a thread would be an error of this test (see pyproject.toml)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket.create_server(("127.0.0.1", 0)) as server, theirs:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
        forward.carry_on_threads(near, ours)
        for packet in packets:
            with contextlib.suppress(OSError):
                theirs.send(packet)
        theirs.close()
        with far, contextlib.suppress(ConnectionResetError):
            far.settimeout(20)
            got = b"".join(iter(lambda: far.recv(65536), b""))
            sent = b"".join(packet[1:] for packet in packets if packet[:1] == b"d")
            assert sent.startswith(got)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=10))
def test_a_channel_of_connections_takes_any_bytes(data):
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server, theirs:
        reach.answer_inside(server.getsockname()[1], ours)
        with contextlib.suppress(OSError):
            theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        theirs.settimeout(20)
        given_fds = 0
        with contextlib.suppress(ConnectionResetError):  # it ended with some of the bytes unread
            while True:
                said, fds, _, _ = socket.recv_fds(theirs, 1, 1)
                for fd in fds:
                    socket.close(fd)
                given_fds += len(fds)
                if not said:
                    break
        assert given_fds <= len(data) - len(data.lstrip(forward.ASK))


# ---- a submission that forges its answers

FORGER = """
import json, os, struct
def double(number):
    body = {body}
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
                os.write(int(name), struct.pack(">I", len(body)) + body)
        except OSError:
            pass
    os._exit(0)
"""


@pytest.mark.parametrize(
    "answer",
    [
        {"stop": True},
        {"ok": {"h": [0, "iterator", "\ud800"]}},
        {"raise": {"type": "X", "bases": ["SyntaxError"], "message": "\ud800\x1b"}},
        {"raise": {"type": "X", "bases": ["BaseExceptionGroup"], "message": ""}},
        {"raise": {"type": "X" * 100_000, "bases": ["int", "UnicodeDecodeError", "Exception"], "message": [1] * 5000}},
        {"missing": {"a": ["b"]}, "problems": [[]] * 3},
        {"fault": ["x"], "printed": {"a": 1}, "changed": "yes"},
        {"ok": [[]] * 5000, "printed": ["\ud800"]},
        [],
        None,
    ],
)
def test_a_forged_answer_gives_a_verdict_and_no_points(course, tmp_path, answer):
    (tmp_path / "double.py").write_text(FORGER.format(body=repr(json.dumps(answer).encode())))
    result = grade_file(tmp_path / "double.py", course.exercise("double"))
    assert result.points == 0
    assert {check.outcome for check in result.checks} <= {"failed", "not attempted"}
    json.dumps(asdict(result))
    (tmp_path / "double.py").write_text(RIGHT)
    assert grade_file(tmp_path / "double.py", course.exercise("double")).points == 7

"""Whatever bytes the other side sends, a check gets a value, a built-in exception or an Ended, within its deadline."""

import json
import socket
import struct
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course_lib.errors import PipeError
from course_lib.grading.channel import Channel, Ended, Log, NotThere
from course_lib.grading.hosts import Control
from course_lib.grading.pipe import Pipe
from course_lib.grading.proxy import Iteration, Remote, Submission, each, outcomes

PLAIN = (type(None), int, float, str, bytes, list, dict)  # bool arrives as a strict int
fast = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["d", "b", "u", "i", "h", "ok", "x"]), inner, max_size=2)
    ),
    max_leaves=12,
)
keys = st.sampled_from(["ok", "raise", "stop", "missing", "problems", "fault", "printed", "changed", "method", "after"])
answers = st.dictionaries(keys, values, max_size=4) | values


def framed(body):
    return struct.pack(">I", len(body)) + body


@pytest.fixture(scope="module")
def said():
    """`said(data, use)`: what `use(submission)` gives when the other side answers with the bytes `data` and ends."""

    def run(data, use):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = threading.Thread(target=lambda: (theirs.sendall(data), theirs.shutdown(socket.SHUT_WR)))
            sender.start()
            try:
                return use(Submission(Channel(Pipe(ours), 5.0, Log())))
            finally:
                sender.join()

    return run


def uses():
    return [
        lambda submission: submission.f(1),
        lambda submission: submission.f("x", name=[b"y"]),
        lambda submission: each(submission.f, [1, 2]),
        lambda submission: outcomes(submission.f, [1, 2]),
    ]


def allowed(said, data, use):
    """Fails when something else comes than a check can deal with."""
    try:
        value = said(data, use)
    except (Ended, NotThere):
        return
    except Exception as error:
        value = error
        own = type(value).__module__ == "course_lib.grading.channel" and type(value).__mro__[1].__module__ == "builtins"
    else:
        own = isinstance(value, (*PLAIN, Remote, Iteration, Exception))
    assert own, repr(value)
    assert not isinstance(value, (StopIteration, StopAsyncIteration)), "it would end a loop of the check"


@fast
@given(data=st.binary(max_size=200), use=st.sampled_from(uses()))
@example(data=struct.pack(">I", 2**32 - 1), use=uses()[0])
@example(data=struct.pack(">I", 5), use=uses()[0])
@example(data=b"", use=uses()[0])
def test_any_bytes_are_an_end(said, data, use):
    allowed(said, data, use)


@fast
@given(body=st.binary(max_size=100), use=st.sampled_from(uses()))
@example(body=b"[" * 100_000, use=uses()[0])
@example(body=b'{"ok":' + b"9" * 5000 + b"}", use=uses()[0])
@example(body=b'{"ok":{"i":"0x' + b"f" * 100_000 + b'"}}', use=uses()[0])
@example(body=b'{"ok":"\\ud800"}', use=uses()[0])
@example(body=b"\xff\xfe{}", use=uses()[0])
def test_any_framed_bytes_are_an_end_or_a_value(said, body, use):
    allowed(said, framed(body), use)


@fast
@given(answer=answers, use=st.sampled_from(uses()))
@example(answer={"ok": {"h": [0, "iterator", "x"]}}, use=uses()[0])
@example(answer={"ok": {"h": [-1, "object", "x" * 10_000]}}, use=uses()[0])
@example(answer={"raise": {"type": "T", "bases": ["SystemExit", "BaseException"], "message": ""}}, use=uses()[0])
@example(answer={"raise": {"type": "T", "bases": ["StopIteration"], "message": ""}}, use=uses()[0])
@example(answer={"raise": {"type": "\n", "bases": ["UnicodeDecodeError"], "message": None}}, use=uses()[0])
@example(answer={"raise": {"type": [], "bases": ["open", "__import__", 7], "message": {}}}, use=uses()[0])
@example(answer={"ok": {"d": [[["list as key"], 1]]}}, use=uses()[0])
@example(answer={"ok": {"d": [1]}}, use=uses()[3])
@example(answer={"stop": True}, use=uses()[0])
@example(answer={"ok": [1, 2]}, use=uses()[3])
@example(answer={"ok": [{"d": [["ok", 1]]}, {"d": [["raise", 2]]}]}, use=uses()[3])
def test_any_answer_is_an_end_an_exception_or_a_value(said, answer, use):
    allowed(said, framed(json.dumps(answer).encode()), use)


@fast
@given(first=answers, second=answers)
def test_attributes_and_items_of_what_came_are_no_worse(said, first, second):
    def use(submission):
        thing = submission.f()
        return next(thing, None) if isinstance(thing, Iteration) else thing.name if isinstance(thing, Remote) else thing

    data = b"".join(framed(json.dumps(answer).encode()) for answer in (first, second))
    allowed(said, data, use)


@fast
@given(data=st.binary(max_size=60) | answers.map(lambda answer: framed(json.dumps(answer).encode())))
def test_the_control_pipe_gives_an_answer_or_a_pipe_error(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        control = Control(Pipe(ours), closed=True)
        for ask in (control.end_sessions, lambda: control.ask("run", cells=[]), lambda: control.reach(80)):
            try:
                ask()
            except PipeError:
                assert control.dead

"""The code under judgement, seen through the pipe: real child processes on the other side."""

import pytest

from course_lib.errors import PipeError
from course_lib.grading.channel import Channel, Ended, Log, NotThere
from course_lib.grading.proxy import Submission, arguments_changed, each, shorten_httpx_timeouts


def test_plain_values_go_there_and_back(hosted):
    submission = hosted("def echo(*args, **kwargs):\n    return [list(args), kwargs]")
    value = [None, True, 1, 1.5, "é\u2028", b"\x00\xff", {"k": [1]}]
    assert submission.echo(value, name=b"x") == [[value], {"name": b"x"}]


def test_a_tuple_or_a_subclass_of_list_is_no_list(hosted):
    submission = hosted(
        "class Yes(list):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
        "def pair(): return (1, 2)\ndef yes(): return Yes([1])\ndef inside(): return [Yes([1])]"
    )
    assert submission.pair() != [1, 2]
    assert repr(submission.pair()) == "<tuple object>"
    assert submission.yes() != [1]
    assert submission.inside() != [[1]]


def test_objects_stay_there_and_keep_their_state(hosted):
    submission = hosted(
        "class Counter:\n    total = 0\n    def add(self, n):\n        self.total += n\n        return self.total"
    )
    one, other = submission.Counter(), submission.Counter()
    assert [one.add(2), one.add(3), other.add(1)] == [2, 5, 1]
    assert (one.total, other.total) == (5, 1)
    with pytest.raises(AttributeError):
        _ = one.missing


def test_generators_are_pulled_one_item_at_a_time(hosted):
    submission = hosted(
        "pulled = []\ndef numbers():\n    try:\n        for n in range(10**9):\n            pulled.append(n)\n"
        "            yield n\n"
        "    finally:\n        pulled.append('closed')\ndef seen(): return pulled"
    )
    iterator = submission.numbers()
    assert [next(iterator), next(iterator)] == [0, 1]
    assert submission.seen() == [0, 1]
    iterator.close()
    assert submission.seen() == [0, 1, "closed"]
    assert list(iterator) == []


def test_coroutines_run_to_their_end_and_async_generators_iterate(hosted):
    submission = hosted(
        "import asyncio\nasync def later(x):\n    await asyncio.sleep(0)\n    return x\n"
        "async def items():\n    for n in range(3):\n        await asyncio.sleep(0)\n        yield n"
    )
    assert submission.later(5) == 5
    assert list(submission.items()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        ("ValueError('no')", ValueError),
        ("KeyError('no')", KeyError),
        ("OSError('no')", OSError),
        ("Own('no')", ValueError),
        ("Bare('no')", Exception),
        ("b'a'.decode('x') or 1", LookupError),
    ],
)
def test_exceptions_arrive_as_built_in_types_with_their_message(hosted, raised, kind):
    submission = hosted(f"class Own(ValueError): pass\nclass Bare(Exception): pass\ndef f():\n    raise {raised}")
    with pytest.raises(kind, match=r"no|x"):
        submission.f()


def test_a_decode_error_arrives_as_itself(hosted):
    submission = hosted(r"def f(): return b'\xff'.decode()")
    with pytest.raises(UnicodeDecodeError, match="0xff"):
        submission.f()


@pytest.mark.parametrize(
    "leave",
    [
        "raise SystemExit(0)",
        "exit()",
        "raise KeyboardInterrupt",
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_code_that_exits_is_told_from_code_that_answers(hosted, leave):
    submission = hosted(f"def f():\n    {leave}")
    with pytest.raises(Ended):
        submission.f()


def test_an_endless_loop_meets_the_deadline_and_the_next_check_starts_fresh(hosted):
    control = hosted.control(
        "count = [0]\ndef loop():\n    while True: pass\ndef once():\n    count[0] += 1\n    return count[0]"
    )
    first = Submission(Channel(control.session(), 0.2, Log()))
    with pytest.raises(Ended, match="loop"):
        first.loop()
    control.end_sessions()
    for _ in range(2):  # each session is a copy of the state after loading
        assert Submission(Channel(control.session(), 10, Log())).once() == 1


def test_a_flood_of_output_is_stopped(hosted):
    submission = hosted(
        "def f():\n    while True:\n        try:\n            print('x' * 10000)\n"
        "        except Exception:\n            pass"
    )
    with pytest.raises(Ended, match="printed more than"):
        submission.f()


def test_an_answer_that_contains_itself_or_is_too_large_is_refused_in_words(hosted):
    submission = hosted(
        "def loop():\n    a = []\n    a.append(a)\n    return a\ndef huge():\n    return 'x' * 80_000_000"
    )
    with pytest.raises(Ended, match="contain itself"):
        submission.loop()
    with pytest.raises(Ended, match="larger than"):
        submission.huge()


def test_memory_is_limited(hosted):
    with pytest.raises((MemoryError, Ended)):
        hosted("def f(): return len(bytearray(8 << 30))").f()


def test_a_missing_name_is_said_with_what_went_wrong_in_loading(hosted):
    with pytest.raises(NotThere, match=r"name 'f' is not defined.*ZeroDivisionError"):
        hosted("1 / 0\ndef f(): return 1").f()


def test_a_submission_that_exits_while_loading_is_reported(hosted):
    with pytest.raises(NotThere, match="SystemExit"):
        hosted("raise SystemExit").f()
    with pytest.raises((Ended, PipeError)):
        hosted("import os\nos._exit(0)").f()


def test_only_allowed_packages_can_be_imported(hosted):
    source = "def f():\n    import {0}\n    return {0}.__name__"
    with pytest.raises(ImportError, match="may use the standard library; httpx_sse is refused"):
        hosted(source.format("httpx_sse")).f()
    with pytest.raises(ImportError, match="may use the standard library and httpx; anyio is refused"):
        hosted(source.format("anyio"), uses=("httpx",)).f()
    assert hosted(source.format("json")).f() == "json"
    assert hosted(source.format("httpx"), uses=("httpx",)).f() == "httpx"


@pytest.mark.parametrize(
    "line",
    [
        "from course_lib.wire.sse import SSEDecoder",
        "import course_lib.wire",
        "from course_lib import serve",
        "import course_lib.grading.values",
    ],
)
def test_the_library_is_hidden_from_the_code_under_judgement(hosted, line):
    with pytest.raises(ImportError, match="not available"):
        hosted(f"def f():\n    {line}").f()


def test_check_cells_of_a_notebook_do_nothing_under_judgement(hosted):
    assert hosted("from course_lib import check, hint\ndef f(): return 1\ncheck('f')\nhint('f')").f() == 1


def test_each_calls_once_per_item_in_one_trip(hosted):
    submission = hosted("total = 0\ndef add(n):\n    global total\n    total += n\n    return total")
    assert each(submission.add, [1, 2, 3]) == [1, 3, 6]


def test_a_changed_argument_is_noticed(hosted):
    submission = hosted("def spoil(items):\n    items.append(1)\ndef keep(items):\n    return len(items)")
    submission.keep([1])
    assert not arguments_changed(submission)
    submission.spoil([1])
    assert arguments_changed(submission)


def test_timeouts_of_httpx_can_be_shortened(hosted):
    submission = hosted(
        "import httpx\ndef f(read):\n    with httpx.Client(timeout=httpx.Timeout(5, read=read)) as client:\n"
        "        return client.build_request('GET', 'http://x').extensions['timeout']",
        uses=("httpx",),
    )
    shorten_httpx_timeouts(submission)
    assert [submission.f(read)["read"] for read in (0.1, 5, 5.1, None)] == [0.4, 0.4, 5.1, None]
    assert submission.f(1)["connect"] == 5


def test_cells_run_in_order_and_a_broken_one_does_not_end_it(hosted):
    control = hosted.control("%matplotlib inline\n!ls\nhelper = 2")
    cells = [
        ["cell 2", "def broken(:"],
        ["cell 3", "import asyncio\nawait asyncio.sleep(0)"],
        ["cell 4", "def f(): return helper"],
    ]
    assert control.ask("run", cells=cells) == ["cell 2: SyntaxError: invalid syntax (<cell 2>, line 1)"]
    submission = Submission(Channel(control.session(), 10, Log(), control))
    assert submission.f() == 2
    with pytest.raises(NotThere, match="cell 2: SyntaxError"):
        submission.broken()

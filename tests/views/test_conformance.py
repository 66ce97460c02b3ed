"""The conformance table: what it counts, what it shows of a failure, and that nothing is hidden by an exception."""

import pytest

from course_lib.errors import MisuseError
from course_lib.views import conformance as module
from course_lib.views.conformance import GROUPS, conformance, installed_readers
from course_lib.wire import vectors
from course_lib.wire.sse import ServerSentEvent


def broken(stream):
    raise KeyError("always")


def first_line_only(stream):
    line = stream.decode(errors="replace").split("\n")[0]
    return [ServerSentEvent(data=line[6:])] if line.startswith("data: ") else []


@pytest.fixture(scope="module")
def table():
    return conformance({"broken": broken, "first line": first_line_only})


def test_this_course_passes_every_graded_vector(table):
    assert table.passed("this course") == sum(vector.graded for vector in vectors.load())


def test_every_group_of_the_vectors_has_a_row():
    assert {vector.group for vector in vectors.load()} == set(GROUPS)


def test_a_reader_that_raises_passes_nothing_and_the_error_is_named(table):
    assert table.passed("broken") == 0
    assert "KeyError" in repr(table.failures("broken", "id"))


def test_failures_show_the_stream_what_is_right_and_what_came(table):
    text = table.failures("first line", "eof").text
    assert r"'data: x'" in text
    assert "no event" in text
    assert "message: 'x'" in text


def test_the_known_faults_of_the_pinned_libraries_are_found(table):
    assert table.passed("httpx-sse", "comments") == 5
    assert r"\xef\xbb\xbfdata: x" in table.failures("httpx-sse", "utf8").text
    assert "UnicodeDecodeError" in table.failures("openai", "utf8").text
    assert "retry -1500" in table.failures("anthropic", "retry").text
    assert table.passed("sseclient-py", "eof") == 0


def test_a_library_that_is_missing_is_left_out_and_named(monkeypatch):
    monkeypatch.setitem(module._LIBRARIES, "nobody-has-this", ("nobody_has_this", module._sdk))
    assert "nobody-has-this" not in installed_readers()
    assert "Not installed here: nobody-has-this." in repr(conformance())


def test_unknown_names_are_refused(table):
    with pytest.raises(MisuseError, match="no reader is called 'curl'"):
        table.failures("curl")
    with pytest.raises(MisuseError, match="no group is called 'bom'"):
        table.passed("openai", "bom")

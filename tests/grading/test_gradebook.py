"""The gradebook: nothing that was graded is lost to kills, damage or other processes, and regrading replaces little."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from course_lib.errors import MisuseError
from course_lib.grading.gradebook import Batch, Gradebook
from tests.grading.test_formats import ALICE, BOB, HOSTILE, check, entry, exercise, hostile

WRITER = """
import os, signal, sys
from pathlib import Path
from course_lib.grading.gradebook import Gradebook
book = Gradebook(Path(sys.argv[1]))
batch = book.begin({"who": sys.argv[2]})
for n in range(40):
    name = f"{sys.argv[2]}{n:02}.py"
    book.add(batch, {"submission": name, "isolation": "", "exercises": []}, name)
    if n == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
"""
GRADED = {"paths": ["term"], "hidden": True}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "gradebook.sqlite3"


@pytest.fixture
def book(path):
    ticks = count()
    return Gradebook(path, now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(ticks)))


def batch_of(book, *entries, arguments=GRADED):
    batch = book.begin(arguments)
    for number, graded in enumerate(entries):
        book.add(batch, graded, f"{number:02}")
    book.finish(batch)
    return batch


def writer(path, who, kill_at=-1):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), who, str(kill_at)])


def test_a_batch_is_there_in_the_next_process_sorted_by_submission(book, path):
    odd = hostile(HOSTILE) | {"submission": "z\udcff.py"}
    batch = batch_of(book, odd, BOB, ALICE)
    after = Gradebook(path)
    assert after.entries(batch) == after.entries() == [ALICE, BOB, odd]
    began, ended = "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"
    assert after.batches() == [Batch(batch, began, ended, GRADED, 3)]


def test_entries_of_one_name_are_in_the_same_order_whenever_they_came(book):
    first, second = (entry("same.py", exercise("x", check(name))) for name in "ab")
    batches = [book.begin(GRADED), book.begin(GRADED)]
    for batch, order in zip(batches, ((first, "1"), (second, "2")), strict=True):
        book.add(batch, *order)
    book.add(batches[0], second, "2")
    book.add(batches[1], first, "1")
    assert book.entries(batches[0]) == book.entries(batches[1]) == [first, second]


def test_an_interrupted_batch_is_found_again_by_its_arguments_alone(book):
    assert book.interrupted(GRADED) is None
    other = book.begin(GRADED | {"hidden": False})
    batch = book.begin(GRADED)
    book.add(batch, ALICE, "a")
    book.add(batch, BOB, "b")
    book.add(other, BOB, "c")
    assert book.interrupted(dict(reversed(GRADED.items()))) == (batch, {"a": ALICE, "b": BOB})
    book.finish(batch)
    assert book.interrupted(GRADED) is None
    assert book.interrupted(GRADED | {"hidden": False}) == (other, {"c": BOB})


def test_of_several_batches_the_newest_is_resumed_and_none_that_was_done_over(book):
    first, second = book.begin(GRADED), book.begin(GRADED)
    assert book.interrupted(GRADED) == (second, {})
    book.finish(second)
    assert book.interrupted(GRADED) is None, "what was graded anew since then must not come back"
    assert [batch.finished is None for batch in book.batches()] == [True, False]
    assert first < second


def test_an_entry_that_is_added_again_is_replaced_but_never_that_of_another_submission(book):
    batch = book.begin(GRADED)
    for graded in (ALICE, BOB, ALICE | {"seed": 7}):
        book.add(batch, graded, "same digest")
    assert book.entries(batch) == [ALICE | {"seed": 7}, BOB]


def test_regrading_one_exercise_replaces_just_that_exercise(book):
    double, treble = (exercise(id, check("a", "failed")) for id in ("double", "treble"))
    better = exercise("treble", check("a"))
    batch_of(book, entry("al.py", double, treble), BOB, entry("zoe.py", treble))
    batch_of(book, entry("al.py", better, problems=["cell 1: new"]), arguments={"exercise": "treble"})
    assert book.entries() == [*(entry("al.py", double, better, problems=["cell 1: new"]), BOB, entry("zoe.py", treble))]


def test_a_later_error_is_told_and_takes_no_earlier_result_away(book):
    graded, broken = entry("al.py", exercise("x", check("a"))), entry("al.py", error="truncated", isolation="")
    batch_of(book, graded)
    batch_of(book, broken)
    assert book.entries() == [graded | {"error": "truncated"}]
    batch_of(book, graded)
    assert book.entries() == [graded]


def test_results_that_were_had_with_different_isolation_name_both(book):
    batch_of(book, entry("al.py", exercise("x", check("a")), exercise("y", check("a"))))
    batch_of(book, entry("al.py", exercise("y", check("a")), isolation="process"))
    assert book.entries()[0]["isolation"] == "bubblewrap, process"
    batch_of(book, entry("al.py", exercise("x", check("a")), isolation=""))
    assert book.entries()[0]["isolation"] == "process", "nothing ran for the other"


def test_a_killed_process_loses_nothing_that_was_added(path):
    assert writer(path, "killed", kill_at=4).wait() == -signal.SIGKILL
    _, graded = Gradebook(path).interrupted({"who": "killed"})
    assert list(graded) == [f"killed{n:02}.py" for n in range(5)]


def test_two_processes_write_at_once_also_the_very_first_time(path):
    assert [process.wait() for process in [writer(path, "a"), writer(path, "b")]] == [0, 0]
    assert [batch.entries for batch in Gradebook(path).batches()] == [40, 40]
    assert len(Gradebook(path).entries()) == 80


def test_a_file_that_another_process_makes_in_between_is_taken_as_it_is(path, monkeypatch):
    others = iter([Gradebook])

    class Between(sqlite3.Connection):
        def execute(self, statement, *values):
            other = next(others, None) if statement == "PRAGMA user_version" else None
            if other:
                batch_of(other(path), ALICE)
                return super().execute("SELECT 0")  # what was read before the other came
            return super().execute(statement, *values)

    path.parent.mkdir()
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Between))
    assert Gradebook(path).entries() == [ALICE]


def test_a_damaged_file_is_kept_aside(path, capsys):
    path.parent.mkdir()
    for number in (1, 2):
        damaged = b"this is no database, number %d, and it is kept" % number
        path.write_bytes(damaged)
        assert Gradebook(path).batches() == []
        aside = path.with_name(f"{path.name}.damaged-{number}")
        assert aside.read_bytes() == damaged
        assert f"kept as {aside.name}" in capsys.readouterr().err


def test_damage_deep_in_the_file_is_found_when_it_is_opened(book, path, capsys):
    batch_of(book, *(entry(f"{n}.py", error="x" * 3000) for n in range(40)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = os.urandom(9000)
    path.write_bytes(content)
    assert Gradebook(path).batches() == []
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == bytes(content)
    assert "damaged" in capsys.readouterr().err


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(book, path):
    batch_of(book, ALICE)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(MisuseError, match=r"newer version .* \(gradebook version 2, this one knows 1\): update"):
        Gradebook(path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for place in (tmp_path / "file" / "book.sqlite3", tmp_path):
        with pytest.raises(MisuseError, match=r"can't be used .*: try again, or name another file"):
            Gradebook(place)


def test_a_batch_that_is_not_there_is_refused(book):
    with pytest.raises(MisuseError, match="has no batch 7"):
        book.entries(7)
    with pytest.raises(MisuseError, match="FOREIGN KEY"):
        book.add(7, ALICE, "a")
    assert book.entries() == []

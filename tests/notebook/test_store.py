"""The store: what was done survives restarts, other kernels, damage and folders that can't be written."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from course_lib.notebook.store import ANSWERED, SKIPPED, UNATTENDED, Store

WRITER = """
import sys
from pathlib import Path
from course_lib.notebook.store import Store
store = Store(Path(sys.argv[1]))
for n in range(25):
    store.record_check(f"{sys.argv[2]}-{n}", "not yet", n, 25)
    print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "progress.sqlite3"


@pytest.fixture
def store(path):
    ticks = count()
    return Store(path, now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(ticks)))


def test_what_is_stored_is_there_in_the_next_process(path, store):
    store.predict("01.total", 1, ANSWERED)
    store.explain("01.total", "I forgot the model.")
    store.answer("quiz:01", "01.metric", 2, False)
    store.record_check("double", "not yet", 1, 2)
    store.hint_shown("double", 2)
    store.solution_shown("double")
    after = Store(path)
    assert after.prediction("01.total").choice == 1
    assert after.explanation("01.total") == "I forgot the model."
    assert after.answers("quiz:01")["01.metric"].choice == 2
    assert after.checks()["double"].points == 1
    assert after.help()["double"].hints == 2
    assert after.help()["double"].solution_seen == "2026-01-01T00:00:05.000+00:00"


def test_a_prediction_can_be_changed_until_it_was_revealed(store):
    assert store.predict("a", 0, ANSWERED)
    assert store.predict("a", 1, ANSWERED)
    store.reveal("a")
    assert not store.predict("a", 2, ANSWERED)
    assert not store.predict("a", None, SKIPPED)
    assert store.prediction("a").choice == 1


def test_a_run_by_itself_never_replaces_what_a_person_did_and_can_be_answered_later(store):
    store.predict("a", 1, ANSWERED)
    assert not store.predict("a", None, UNATTENDED)
    assert store.prediction("a").how == ANSWERED
    store.predict("b", None, UNATTENDED)
    assert store.predict("b", 0, ANSWERED)
    assert store.prediction("b").how == ANSWERED


def test_attempts_are_counted_and_the_first_success_stays(store):
    store.record_check("double", "not attempted", 0, 2)
    assert store.checks()["double"].attempts == 0
    store.record_check("double", "not yet", 1, 2)
    store.record_check("double", "correct", 2, 2)
    first = store.checks()["double"].first_success
    store.record_check("double", "correct", 2, 2)
    store.record_check("double", "not yet", 0, 2)
    result = store.checks()["double"]
    assert (result.attempts, result.outcome, result.points, result.best_points) == (4, "not yet", 0, 2)
    assert result.first_success == first


def test_the_first_answer_of_a_quiz_is_remembered_beside_the_last(store):
    store.answer("quiz:01", "01.metric", 1, False)
    store.answer("quiz:01", "01.metric", 0, True)
    answer = store.answers("quiz:01")["01.metric"]
    assert (answer.choice, answer.right, answer.right_at_first, answer.tries) == (0, True, False, 2)
    assert store.answers("recall:02") == {}


def test_hints_only_go_up(store):
    store.hint_shown("double", 3)
    store.hint_shown("double", 1)
    assert store.help()["double"].hints == 3


def test_what_was_touched_last_leaves_out_runs_by_themselves(store):
    assert store.last_touched() is None
    store.record_check("double", "not yet", 0, 2)
    store.predict("02.x", None, UNATTENDED)
    assert store.last_touched() == "double"
    store.predict("02.x", 1, ANSWERED)
    assert store.last_touched() == "02.x"


def test_several_kernels_write_at_once_and_nothing_is_lost(path):
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(Store(path).checks()) == 75


def test_a_killed_kernel_leaves_what_it_had_stored(path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "a"], stdout=subprocess.PIPE, text=True)
    stored = [writer.stdout.readline().strip() for _ in range(5)]
    writer.kill()
    writer.communicate()
    assert stored == ["0", "1", "2", "3", "4"]
    assert {f"a-{n}" for n in range(5)} <= set(Store(path).checks())


def test_threads_share_a_store(store):
    threads = [threading.Thread(target=store.hint_shown, args=(f"e{n}", 1)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.help()) == 8


def test_a_damaged_file_is_kept_aside_and_the_course_goes_on(path, store, capsys):
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all, but it may be somebody's work")
    store.hint_shown("double", 1)
    assert store.help()["double"].hints == 1
    assert path.with_name("progress.sqlite3.damaged-1").read_bytes().startswith(b"this is no database")
    assert "damaged" in capsys.readouterr().err
    path.write_bytes(b"damaged once more, and again nothing is deleted")
    store.hint_shown("double", 2)
    assert path.with_name("progress.sqlite3.damaged-2").exists()


def test_a_file_that_broke_in_the_middle_is_kept_aside(path, store):
    for n in range(200):
        store.record_check(f"exercise-{n}", "correct", 1, 1)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))
    store.record_check("after", "correct", 1, 1)
    assert set(store.checks()) == {"after"}
    assert path.with_name("progress.sqlite3.damaged-1").read_bytes() == bytes(content)


def test_where_no_folder_can_be_made_the_course_goes_on_in_memory(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "progress.sqlite3")
    store.predict("a", 1, ANSWERED)
    store.hint_shown("double", 1)
    assert store.prediction("a").choice == 1
    assert capsys.readouterr().err.count("can't be saved") == 1


def test_a_read_only_file_is_read_and_new_records_stay_in_memory(capfd):
    # A process of its own: as root, only giving up root makes a file read-only.
    program = """
import os, sys
from pathlib import Path
from course_lib.notebook.store import Store
if os.geteuid() == 0:
    os.setegid(65534), os.seteuid(65534)
store = Store(Path(sys.argv[1]))
print(sorted(store.help()))
store.hint_shown("new", 1)
print(sorted(store.help()))
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.sqlite3"
        Store(path).hint_shown("old", 1)
        os.chmod(path, 0o444)
        os.chmod(folder, 0o555)
        before = path.read_bytes()
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
        os.chmod(folder, 0o755)
        assert path.read_bytes() == before
    out, err = capfd.readouterr()
    assert out.splitlines() == ["['old']", "['new', 'old']"]
    assert "can't be saved" in err


def test_the_file_is_plain_sqlite_with_a_version(path, store):
    store.hint_shown("double", 1)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT exercise, hints FROM help").fetchall() == [("double", 1)]

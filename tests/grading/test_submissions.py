"""Submissions: what is whose in folders and archives, and that no file of a stranger ends a batch."""

import io
import json
import os
import random
import re
import socket
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from course_lib.errors import MisuseError
from course_lib.grading.exercises import Course
from course_lib.grading.submissions import read_submissions
from tests.mini_course import CHECKS

DOUBLE = "def double(n):\n    return 2 * n\n"
TRIPLE = "def triple(n):\n    return 3 * n\n"
MINI = ("double", "review_mini")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Lesson 01_mini with double and review_mini, lesson 02_more with triple."""
    root = tmp_path_factory.mktemp("course")
    (root / "exercises" / "checks").mkdir(parents=True)
    for id, lesson in (("double", "01_mini"), ("review_mini", "01_mini"), ("triple", "02_more")):
        text = CHECKS.format(id=id, kind="value").replace("01_mini", lesson)
        (root / "exercises" / "checks" / f"test_{id}.py").write_text(text)
    return Course(root)


@pytest.fixture
def term(tmp_path):
    """A folder for submissions, apart from what a test keeps beside it."""
    (tmp_path / "term").mkdir()
    return tmp_path / "term"


def code(source, exercise=None):
    metadata = {"course": {"exercise": exercise, "starter": "..."}} if exercise else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": []}


def notebook(*cells):
    made = [cell if isinstance(cell, dict) else code(cell) for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


WORK, MORE = notebook(DOUBLE), notebook(TRIPLE)


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    """An archive as bytes. Names may stand twice when `files` is a list of pairs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return out.getvalue()


def read(course, *paths, exercise=None):
    return read_submissions(list(paths), course, course.exercise(exercise) if exercise else None)


def names(submissions):
    return [one.name for one in submissions]


def only(submissions):
    (one,) = submissions
    return one


# What a submission holds


def test_a_notebook_gives_its_code_cells_and_the_cell_of_each_exercise(course, term):
    put(
        term,
        {"bob.ipynb": notebook(code(["import math\n", "x = 1"]), {"cell_type": "markdown"}, code(DOUBLE, "double"))},
    )
    bob = only(read(course, term / "bob.ipynb"))
    assert (bob.name, bob.student, bob.language, bob.error) == ("bob.ipynb", "bob", "python", "")
    assert bob.cells == (("cell 1", "import math\nx = 1"), ("cell 2", DOUBLE))
    assert bob.cell_ids == {"double": DOUBLE}


def test_a_marked_cell_makes_it_the_lessons_notebook_so_that_deleting_a_cell_hides_nothing(course, term):
    put(term, {"bob.ipynb": notebook(code(DOUBLE, "double"))})
    assert only(read(course, term)).exercises == MINI


@pytest.mark.parametrize(
    "source", [DOUBLE, "x = 1\nasync def double(n): ...", "class double:\n    pass", "@f\ndef double(): 0"]
)
def test_without_metadata_definitions_at_the_top_level_tell_the_exercises(course, term, source):
    put(term, {"bob.ipynb": notebook("import json", source)})
    bob = only(read(course, term))
    assert bob.exercises == ("double",)
    assert bob.cell_ids == {"double": source}


def test_a_definition_inside_another_one_tells_nothing(course, term):
    put(term, {"bob.ipynb": notebook("def f():\n    def double(n): ...")})
    bob = only(read(course, term))
    assert (bob.exercises, bob.cells) == ((), ())
    assert bob.error.startswith("no exercise of this course is in it: expected a lesson's notebook, like 01_mini.ipynb")


def test_an_exercise_of_an_earlier_lesson_used_as_a_helper_is_not_handed_in_again(course, term):
    put(term, {"alice/02_more.ipynb": notebook(DOUBLE, code(TRIPLE, "triple"))})
    assert only(read(course, term)).exercises == ("triple",)


def test_the_cell_that_counts_is_the_last_that_defines_the_exercise(course, term):
    put(term, {"bob.ipynb": notebook(code("def double(n): ...", "double"), DOUBLE)})
    assert only(read(course, term)).cell_ids == {"double": DOUBLE}


@pytest.mark.parametrize("name", ["01_mini.ipynb", "01_mini (1).ipynb", "alice_77_01_mini.ipynb"])
def test_a_notebook_named_like_a_lesson_holds_its_exercises_even_when_nothing_is_left_of_them(course, term, name):
    put(term, {name: notebook("x = 1")})
    one = only(read(course, term))
    assert (one.exercises, one.error, one.cell_ids) == (MINI, "", {})


def test_a_module_named_like_an_exercise_is_that_exercise_and_others_beside_it_are_helpers(course, term):
    put(
        term,
        {"alice/double.py": DOUBLE, "alice/helpers.py": "x = 1\r\ny = 2", "alice/deep/other.py": "", "bob.py": DOUBLE},
    )
    alice = read(course, term)[0]
    assert (alice.name, alice.student, alice.exercises) == ("alice/double.py", "alice", ("double",))
    assert alice.cells == (("double.py", DOUBLE),)
    assert alice.cell_ids == {"double": DOUBLE}
    assert alice.files == (("helpers.py", "x = 1\ny = 2"),)


def test_helpers_come_from_the_students_own_folder_only(course, term):
    files = {"alice/01_mini.ipynb": WORK, "alice/mine.py": "a", "alice/not-a-name.py": "b", "alice/__init__.py": ""}
    put(term, {**files, "bob/01_mini.ipynb": WORK, "bob/his.py": "c", "top.py": "d"})
    alice, bob, _ = read(course, term)
    assert alice.files == (("__init__.py", ""), ("mine.py", "a"))
    assert bob.files == (("his.py", "c"),)
    assert only(read(course, term / "alice" / "01_mini.ipynb")).files == ()


def test_a_helper_that_cannot_be_taken_says_so_when_it_is_imported(course, term):
    put(term, {"alice/01_mini.ipynb": WORK, "alice/h.py": b"\xff", "alice/double.mjs": "export function double() {}"})
    (term / "alice" / "w.mjs").symlink_to(term / "alice" / "double.mjs")
    python, javascript = read(course, term)
    with pytest.raises(ImportError, match=r"h\.py was not taken: it is not UTF-8"):
        exec(python.files[0][1])
    name, source = only(javascript.files)
    assert name == "w.mjs"
    assert source.startswith('throw new Error("w.mjs was not taken: it is a symbolic link')


@pytest.mark.parametrize("suffix", [".mjs", ".js"])
def test_javascript_modules_are_submissions_too(course, term, suffix):
    source = "export function double(n) { return 2 * n }\n"
    put(term, {f"alice/double{suffix}": source, "alice/lib.mjs": "x", "alice/helpers.py": "y"})
    alice = only(read(course, term))
    assert (alice.language, alice.exercises, alice.files) == ("javascript", ("double",), (("lib.mjs", "x"),))


def test_a_byte_order_mark_a_list_of_lines_and_half_characters_are_read(course, term):
    text = notebook(code(["def double(n):\n", "    return '\ud800'"]))
    put(term, {"bob.ipynb": b"\xef\xbb\xbf" + text.encode(), "double.py": b"\xef\xbb\xbf" + DOUBLE.encode()})
    bob, module = read(course, term)
    assert bob.cells[0][1] == "def double(n):\n    return '\\ud800'"
    assert module.cells[0][1] == DOUBLE


def test_the_digest_of_a_submission_leaves_out_whose_it_is(course, term):
    put(term, {f"{who}/01_mini.ipynb": notebook(code(DOUBLE, "double")) for who in ("alice", "bob")})
    put(term, {"alice/h.py": "x", "bob/h.py": "x", "carl/01_mini.ipynb": MORE, "carl/h.py": "x"})
    alice, bob, carl = read(course, term)
    assert alice.digest == bob.digest != carl.digest
    assert len(alice.digest) == 64


# Layouts


LAYOUTS = {
    "a folder per student": {"alice/01_mini.ipynb": WORK, "bob/01_mini.ipynb": WORK},
    "a file per student": {
        "alice.ipynb": notebook(code(DOUBLE, "double")),
        "bob.ipynb": notebook(code(DOUBLE, "double")),
    },
    "an archive per student": {
        "alice.zip": zipped({"01_mini.ipynb": WORK}),
        "bob.zip": zipped({"bob/": "", "bob/01_mini.ipynb": WORK, "__MACOSX/bob/._01_mini.ipynb": "x"}),
    },
    "an archive in each student's folder": {
        "alice/hw.zip": zipped({"01_mini.ipynb": WORK}),
        "bob/hw.zip": zipped({"hw/01_mini.ipynb": WORK}),
    },
    "a copy of the course per student": {
        f"{who}/{name}": WORK
        for who in ("alice", "bob")
        for name in ("streaming/exercises/01_mini.ipynb", "streaming/notebooks/01_mini.ipynb", "streaming/double.py")
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", ["", "term.zip", "term.zip with a folder term", "archive.zip"])
def test_every_layout_gives_a_submission_per_student_in_folders_and_archives(course, tmp_path, layout, packed):
    files = LAYOUTS[layout]
    if packed:
        inner = {f"term/{name}": text for name, text in files.items()} if packed.endswith("folder term") else files
        path = tmp_path / packed.split()[0]
        path.write_bytes(zipped({".DS_Store": "x", **inner}))
    else:
        path = put(tmp_path / "term", files)
    found = read(course, path)
    assert [(one.student, one.exercises, one.error) for one in found] == [("alice", MINI, ""), ("bob", MINI, "")]
    assert [one.name.partition("/")[0].partition(".")[0] for one in found] == ["alice", "bob"]
    if layout == "a folder per student":
        assert names(found) == ["alice/01_mini.ipynb", "bob/01_mini.ipynb"]


@pytest.mark.parametrize("prefix", ["", "bob/"])
def test_an_archive_by_itself_is_one_students_work_when_named_like_the_courses_files(course, tmp_path, prefix):
    inside = {"01_mini.ipynb": WORK, "h.py": "x", "02_more.ipynb": MORE, "data/x.csv": "1"}
    put(tmp_path, {"bob.zip": zipped({prefix + name: text for name, text in inside.items()})})
    found = read(course, tmp_path / "bob.zip")
    assert names(found) == ["bob.zip/01_mini.ipynb", "bob.zip/02_more.ipynb"]
    assert {(one.student, one.files) for one in found} == {("bob", (("h.py", "x"),))}
    put(tmp_path, {"eve.zip": zipped({"double.py": DOUBLE, "h.py": "x"}), "fay.zip": zipped({"main.py": DOUBLE})})
    assert only(read(course, tmp_path / "eve.zip")).name == "eve.zip/double.py"
    assert only(read(course, tmp_path / "fay.zip", exercise="double")).name == "fay.zip/main.py"


def test_the_courses_own_exercises_folder_works(tmp_path):
    course = Course(Path(__file__).resolve().parents[2])
    found = read(course, course.root / "exercises")
    assert names(found) == sorted(path.name for path in (course.root / "exercises").glob("*.ipynb"))
    assert [id for one in found for id in one.exercises] == [known.id for known in course.exercises()]
    assert all(set(one.cell_ids) == set(one.exercises) and not one.error for one in found)
    first = course.exercises()[0]
    assert only(read(course, course.root / "exercises", exercise=first.id)).name == f"{first.lesson}.ipynb"


def test_clutter_is_left_out(course, term):
    clutter = (".ipynb_checkpoints/01_mini.ipynb", "__pycache__/double.py", ".git/01_mini.ipynb", "checks/double.py")
    put(term, {"alice/01_mini.ipynb": WORK, **{f"alice/{name}": WORK for name in clutter}})
    put(term, {"README.md": "x", "grades.csv": "x", **{name: "x" for name in clutter}, ".bob.ipynb": "x"})
    assert names(read(course, term)) == ["alice/01_mini.ipynb"]


def test_the_order_is_that_of_names_and_a_path_given_twice_is_taken_once(course, term, monkeypatch):
    put(term, {f"{who}/01_mini.ipynb": WORK for who in ("b", "c", "a")} | {"b-b.ipynb": WORK})
    real = os.scandir
    found = read(course, term)
    for seed in range(3):

        def shuffled(path, seed=seed):
            entries = list(real(path))
            random.Random(seed).shuffle(entries)
            return entries

        monkeypatch.setattr(os, "scandir", shuffled)
        assert read(course, term, term.parent / "x" / ".." / "term", term) == found
    assert names(found) == ["a/01_mini.ipynb", "b-b.ipynb", "b/01_mini.ipynb", "c/01_mini.ipynb"]


# One exercise asked for


def test_one_exercise_is_taken_from_notebooks_and_modules_and_other_lessons_are_skipped(course, term):
    put(term, {"alice/01_mini.ipynb": WORK, "alice/02_more.ipynb": MORE, "alice/scratch.ipynb": notebook("x")})
    put(
        term,
        {"bob/01_mini.ipynb": notebook("x = 1"), "carl/double.py": DOUBLE, "carl/h.py": "x", "carl/triple.py": TRIPLE},
    )
    put(term, {"dora/answer.py": DOUBLE, "eve/02_more.ipynb": "{", "eve/work.ipynb": WORK})
    found = read(course, term, exercise="double")
    assert names(found) == [
        "alice/01_mini.ipynb",
        "bob/01_mini.ipynb",
        "carl/double.py",
        "dora/answer.py",
        "eve/work.ipynb",
    ]
    assert {(one.exercises, one.error) for one in found} == {(("double",), "")}
    assert found[1].cell_ids == {}  # not attempted, and not gone
    assert found[2].files == (("h.py", "x"), ("triple.py", TRIPLE))


def test_a_student_who_handed_in_nothing_for_the_exercise_is_still_listed(course, term):
    put(term, {"alice/02_more.ipynb": MORE, "bob/triple.py": TRIPLE, "carl/a.py": "", "carl/b.py": ""})
    found = read(course, term, exercise="double")
    assert [(one.name, one.exercises, one.cells) for one in found] == [
        (who, ("double",), ()) for who in ("alice", "bob", "carl")
    ]
    assert found[0].error == "expected 01_mini.ipynb or double.py; found 02_more.ipynb"


def test_with_a_file_per_student_each_file_counts_as_that_exercise(course, term):
    put(term, {"alice.ipynb": MORE, "bob.py": "x = 1", "carl.js": "let double", "dora.ipynb": "{"})
    found = read(course, term, exercise="double")
    assert [(one.student, one.exercises) for one in found] == [
        (w, ("double",)) for w in ("alice", "bob", "carl", "dora")
    ]
    assert [bool(one.error) for one in found] == [False, False, False, True]
    assert only(read(course, term / "alice.ipynb", exercise="double")).exercises == ("double",)


def test_what_cannot_be_read_counts_only_where_nothing_else_may_be_the_exercise(course, term):
    put(term, {"alice/01_mini.ipynb": WORK, "alice/scratch.ipynb": "{", "alice/data.zip": "x", "bob/w.ipynb": "{"})
    assert names(read(course, term, exercise="double")) == ["alice/01_mini.ipynb", "bob/w.ipynb"]
    put(term, {"alice/01_mini.ipynb": "{", "alice/h.py": "x"})
    alice, bob = read(course, term, exercise="double")
    assert (alice.name, alice.exercises, alice.cells) == ("alice/01_mini.ipynb", ("double",), ())
    assert (bob.name, bob.cells) == ("bob/w.ipynb", ())


# The one who grades


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("parse.py", DOUBLE, "parse.py defines double: add --exercise double"),
        ("parse.py", DOUBLE + TRIPLE, "parse.py defines double, triple: add --exercise double"),
        ("parse.mjs", "export const double = (n) => 2 * n", "parse.mjs defines double: add --exercise double"),
        ("parse.mjs", "export default async function* triple() {}", "parse.mjs defines triple: add --exercise triple"),
        ("parse.py", "x = 1", "parse.py does not say which exercise it answers: add --exercise ID"),
        ("report.pdf", "x", "report.pdf cannot be graded: give a folder, a notebook"),
        ("empty/README.md", "x", "nothing to grade in .*empty: expected a notebook .*; found README.md"),
        ("empty.zip", zipped({"a.txt": "", "b.txt": ""}), "nothing to grade in .*empty.zip: .* found a.txt, b.txt"),
        ("empty.zip", zipped({}), "nothing to grade in .*empty.zip: expected a notebook .*; found no file"),
    ],
)
def test_wrong_usage_is_a_misuse_error_that_says_what_to_give(course, term, name, content, words):
    put(term, {name: content})
    with pytest.raises(MisuseError, match=words):
        read(course, term / name.split("/")[0])


def test_a_path_that_does_not_exist_is_named(course, term):
    with pytest.raises(MisuseError, match=r"nowhere\.ipynb does not exist"):
        read(course, term / "nowhere.ipynb")


def test_two_submissions_of_one_name_are_refused_since_their_marks_could_not_be_told_apart(course, term):
    put(term, {f"{who}/01_mini.ipynb": WORK for who in ("alice", "bob")})
    with pytest.raises(MisuseError, match=r"two submissions are called 01_mini\.ipynb: give the folder"):
        read(course, *sorted(term.glob("*/*.ipynb")))


# Bad input. Each is an entry with a reason, beside a good neighbour that is read.

BAD_NOTEBOOKS = {
    "empty": ("", "it is empty"),
    "blank": ("\ufeff \n", "it is empty"),
    "no text": (b"\x80\x81PNG", "not UTF-8"),
    "UTF-16": (WORK.encode("utf-16"), "not UTF-8"),
    "no JSON": ("<html>404</html>", r"not a notebook: no JSON \(Expecting value, line 1\); save it again"),
    "truncated": (WORK[:-30], "not a notebook: it breaks off after"),
    "truncated in a string": (WORK[:70], "not a notebook: it breaks off after 70 characters"),
    "a list": ("[]", "not a notebook: it is JSON, but"),
    "a number": ("1", "not a notebook: it is JSON, but"),
    "no cells": ('{"metadata": {}}', "not a notebook: it is JSON, but"),
    "cells are no list": ('{"cells": {"a": 1}}', "not a notebook: it is JSON, but"),
    "a cell is text": ('{"cells": ["x"]}', "not a notebook: it is JSON, but"),
    "source is a number": (notebook(code(1)), "the source of its cell 1 is not text"),
    "source is a list of numbers": (notebook("x", code([1])), "the source of its cell 2 is not text"),
    "no source": ('{"cells": [{"cell_type": "code"}]}', "the source of its cell 1 is not text"),
    "format 3": ('{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format 3.*JupyterLab 4"),
    "deep": ('{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}", "nested too deeply"),
    "deep objects": ('{"a": ' * 200_000, "nested too deeply"),
    "a giant number": ('{"cells": [], "a": ' + "9" * 5000 + "}", "a number in it too long"),
    "millions of lists": ('{"cells": [], "a": [' + "[]," * 1_000_001 + "[]]}", "more than 1,000,000 lists"),
    "much code": (notebook("#" * 5_000_001), "its code is larger than 5 MB"),
}


@pytest.mark.parametrize("case", BAD_NOTEBOOKS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_notebook_earns_0_of_its_lessons_points_and_says_why(course, term, case, packed):
    content, words = BAD_NOTEBOOKS[case]
    files = {"alice/01_mini.ipynb": content, "alice/w.ipynb": content, "bob/01_mini.ipynb": WORK}
    path = term.parent / "term.zip" if packed else term
    if packed:
        path.write_bytes(zipped(files, zipfile.ZIP_STORED))
    else:
        put(term, files)
    alice, nameless, bob = read(course, path)
    assert (alice.name, alice.exercises, alice.cells, alice.files) == ("alice/01_mini.ipynb", MINI, (), ())
    assert nameless.exercises == ()
    for one in (alice, nameless):
        assert re.search(words, one.error)
    assert (bob.exercises, bob.error) == (MINI, "")


@pytest.mark.parametrize(
    "metadata", [[], "x", {"course": 1}, {"course": {"exercise": ["double"]}}, {"course": {"exercise": "nobody"}}]
)
def test_metadata_of_any_shape_is_only_metadata(course, term, metadata):
    put(term, {"bob.ipynb": notebook({**code(DOUBLE), "metadata": metadata})})
    assert only(read(course, term)).exercises == ("double",)


def test_a_module_with_hostile_text_is_only_text(course, term):
    put(term, {"double.py": "(" * 100_000 + "\0" + "def double(" * 1000, "alice/double.py": b"\xff"})
    alice, module = read(course, term)
    assert (module.error, len(module.cells)) == ("", 1)
    assert (alice.exercises, alice.cells, alice.error[:16]) == (("double",), (), "it is not UTF-8 ")


def test_a_file_larger_than_20_MB_is_not_read(course, term, monkeypatch):
    (term / "01_mini.ipynb").touch()
    os.truncate(term / "01_mini.ipynb", 20_000_001)  # takes no space
    opened = []
    monkeypatch.setattr(os, "open", lambda *args: opened.append(args))
    one = only(read(course, term))
    assert (one.exercises, one.error[:30], opened) == (MINI, "it is larger than 20 MB: clear", [])


def test_a_file_that_may_not_be_read_is_an_entry(course, term, monkeypatch):
    put(term, {"alice/01_mini.ipynb": WORK, "bob/01_mini.ipynb": WORK})
    real = os.open

    def refuse(path, *args):
        if "alice" in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path, *args)

    monkeypatch.setattr(os, "open", refuse)
    alice, bob = read(course, term)
    assert alice.error == "permission denied: let the one who grades read it, and grade again"
    assert (alice.exercises, bob.error) == (MINI, "")


def test_a_folder_that_may_not_be_entered_is_an_entry(course, term, monkeypatch):
    put(term, {"alice/01_mini.ipynb": WORK, "bob/01_mini.ipynb": WORK})
    real = os.scandir

    def refuse(path):
        if Path(path).name in refused:
            raise PermissionError(13, "Permission denied")
        return real(path)

    refused = ["alice"]
    monkeypatch.setattr(os, "scandir", refuse)
    alice, bob = read(course, term)
    assert (alice.name, alice.error[:17], bob.error) == ("alice", "permission denied", "")
    refused.append("term")
    with pytest.raises(MisuseError, match=r"nothing to grade in .*term: permission denied"):
        read(course, term)


def test_pipes_sockets_and_devices_are_refused_without_waiting(course, term):
    os.mkfifo(term / "alice.ipynb")
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(term)  # the path of a socket must be short
    listener.bind("bob.ipynb")
    os.chdir(here)
    try:
        found = read(course, term, exercise="double")
        assert only(read(course, term / "alice.ipynb")).error.startswith("it is not a regular file")
        os.rename(term / "alice.ipynb", term / "alice.zip")
        assert only(read(course, term / "alice.zip")).error.startswith("it is not a regular file")
    finally:
        listener.close()
    assert [one.error.partition(":")[0] for one in found] == [
        "it is not a regular file but a pipe, socket or device"
    ] * 2


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_file_that_becomes_a_pipe_or_a_link_while_it_is_opened_is_refused(course, term, monkeypatch, kind):
    put(term, {"01_mini.ipynb": WORK, "good": WORK})
    real = os.open

    def swap(path, *args):
        os.unlink(path)
        os.mkfifo(path) if kind == "pipe" else os.symlink(term / "good", path)
        return real(path, *args)

    monkeypatch.setattr(os, "open", swap)
    one = only(read(course, term))
    assert one.error.startswith("it is not a regular file" if kind == "pipe" else "it cannot be read")
    assert one.cells == ()


def test_links_are_refused_wherever_they_stand(course, term, tmp_path):
    secret = put(tmp_path / "solutions", {"01_mini.ipynb": WORK})
    put(term, {"bob/01_mini.ipynb": WORK})
    (term / "alice").mkdir()
    (term / "alice" / "01_mini.ipynb").symlink_to(secret / "01_mini.ipynb")
    (term / "carl").symlink_to(secret)
    (term / "dora").mkdir()
    (term / "dora" / "work").symlink_to(secret)
    (term / "eve.zip").symlink_to(secret)
    found = read(course, term)
    assert names(found) == ["alice/01_mini.ipynb", "bob/01_mini.ipynb", "carl", "dora", "eve.zip"]
    assert [one.error[:21] for one in found if one.student != "bob"] == ["it is a symbolic link"] * 4
    for name in ("carl", "alice/01_mini.ipynb", "eve.zip"):
        assert only(read(course, term / name)).error.startswith("it is a symbolic link")


def test_a_student_with_nothing_to_grade_is_an_entry_that_says_what_was_found(course, term):
    put(
        term,
        {"alice/report.pdf": "x", "bob/notes.txt": "x", "carl/main.py": DOUBLE, "dora.rar": "x", "eve.ipynb.txt": "{}"},
    )
    (term / "fay").mkdir()
    put(term, {"gus.zip": zipped({"gus/": ""}), "hal.py": DOUBLE})
    errors = {one.name: one.error for one in read(course, term)}
    assert (
        errors["alice"] == "expected a notebook (.ipynb), a module (.py, .mjs, .js) or a .zip of them; found report.pdf"
    )
    assert errors["carl"] == "main.py defines double: add --exercise double"
    assert errors["hal.py"] == "hal.py defines double: add --exercise double"
    assert errors["fay"].endswith("found no file")
    assert errors["gus.zip"].endswith("found no file")
    assert errors["dora.rar"].startswith("this kind of file is not read: hand in a notebook")
    assert errors["eve.ipynb.txt"] == errors["dora.rar"]
    assert list(errors) == sorted(errors)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\\nb", "ä b", "a\u202eb"])
def test_names_can_be_printed_and_stay_different(course, term, name):
    put(term, {f"{name}.ipynb": WORK, "a.ipynb": WORK})
    (shown,) = set(names(read(course, term))) - {"a.ipynb"}
    assert shown.isprintable()
    assert shown.removesuffix(".ipynb").encode().decode("unicode_escape" if "\\" in shown else "utf-8") == name


def test_a_name_that_is_no_text_is_escaped(course, term):
    with open(os.path.join(os.fsencode(term), b"\xff.ipynb"), "wb") as file:
        file.write(WORK.encode())
    one = only(read(course, term))
    assert (one.name, one.exercises) == ("\\udcff.ipynb", ("double",))


# Bad archives


def patched(data, signature, offset, value):
    """`data` with two bytes changed in every header of a kind."""
    data, place = bytearray(data), -1
    while (place := data.find(signature, place + 1)) >= 0:
        data[place + offset : place + offset + len(value)] = value
    return bytes(data)


def linked(name):
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


GOOD = zipped({"01_mini.ipynb": WORK})
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"

BAD_ARCHIVES = {
    "empty": (b"", "it is damaged, or no .zip"),
    "no archive": (b"Rar!", "it is damaged, or no .zip"),
    "cut off": (GOOD[:-30], "it is damaged, or no .zip"),
    "many entries": (zipped({f"{n}.txt": "" for n in range(10_001)}), "more than 10,000 entries"),
    "very many entries": (CENTRAL * 100_001, "far more than 10,000 entries"),
    "too much": (zipped({f"{n}.txt": bytes(67_000_000) for n in range(3)}), "unpacks to more than 200 MB"),
    "a bomb": (zipped({"a.txt": bytes(21_000_000)}), "over 100 times its size"),
    "an absolute name": (zipped({"/etc/01_mini.ipynb": WORK}), "its entry /etc/01_mini.ipynb would lie outside"),
    "a drive": (zipped({"C:\\01_mini.ipynb": WORK}), "would lie outside"),
    "a way up": (zipped({"a/../../01_mini.ipynb": WORK}), "would lie outside"),
    "a way up with backslashes": (zipped({"..\\01_mini.ipynb": WORK}), "would lie outside"),
    "deep folders": (zipped({"a/" * 31 + "01_mini.ipynb": ""}), "lies too deep"),
    "a file that is a folder": (
        zipped([("a.ipynb", ""), ("a.ipynb/x.ipynb", "")]),
        "two of its entries have the same name",
    ),
    "a file and a folder": (zipped([("a.ipynb", ""), ("a.ipynb/", "")]), "two of its entries have the same name"),
    "the same name otherwise spelt": (zipped([("a.ipynb", ""), (".//a.ipynb", "")]), "two of its entries have"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_archive_is_an_entry_that_says_why(course, term, case):
    content, words = BAD_ARCHIVES[case]
    put(term, {"alice.zip": content, "bob.ipynb": WORK})
    alice, bob = read(course, term, exercise="double")
    assert (alice.name, alice.student, alice.exercises, alice.cells) == ("alice.zip", "alice", ("double",), ())
    assert words in alice.error
    assert not bob.error
    assert words in only(read(course, term / "alice.zip")).error


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_of_one_name_are_refused(course, term):
    put(term, {"alice.zip": zipped([("01_mini.ipynb", WORK), ("01_mini.ipynb", MORE)])})
    assert only(read(course, term)).error.startswith("two of its entries have the same name")


BAD_ENTRIES = {
    "encrypted": (patched(patched(GOOD, LOCAL, 6, b"\1\0"), CENTRAL, 8, b"\1\0"), "it is encrypted: pack it without"),
    "bzip2": (zipped({"01_mini.ipynb": WORK}, zipfile.ZIP_BZIP2), "its way of compression is not read"),
    "lzma": (zipped({"01_mini.ipynb": WORK}, zipfile.ZIP_LZMA), "its way of compression is not read"),
    "unknown": (patched(GOOD, CENTRAL, 10, b"\x63\0"), "its way of compression is not read"),
    "a link": (zipped([(linked("01_mini.ipynb"), "/etc/passwd")]), "it is a symbolic link"),
    "other bytes": (patched(GOOD, CENTRAL, 16, b"\0\0\0\0"), "it is damaged inside the archive"),
    "a smaller size than it has": (
        patched(GOOD, CENTRAL, 24, struct.pack("<I", 9)),
        "it is damaged inside the archive",
    ),
    "larger than 20 MB": (zipped({"01_mini.ipynb": bytes(20_000_001)}, zipfile.ZIP_STORED), "it is larger than 20 MB"),
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_a_bad_entry_of_an_archive_is_an_entry_that_says_why(course, term, case):
    content, words = BAD_ENTRIES[case]
    put(term, {"alice.zip": content})
    one = only(read(course, term))
    assert (one.name, one.student, one.exercises, one.cells) == ("alice.zip/01_mini.ipynb", "alice", MINI, ())
    assert one.error.startswith(words)


def test_an_entry_that_unpacks_to_more_than_it_says_is_not_unpacked_whole(course, term):
    data = zipped({"01_mini.ipynb": bytes(300_000_000)})
    for signature, offset in ((LOCAL, 22), (CENTRAL, 24)):
        data = patched(data, signature, offset, struct.pack("<I", 1000))
    put(term, {"alice.zip": data})
    tracemalloc.start()
    try:
        one = only(read(course, term))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert one.error.startswith("it is damaged inside the archive")


def test_a_link_among_the_entries_of_a_term_does_no_harm_to_others(course, tmp_path):
    entries = [(linked("alice"), "/etc"), (linked("bob/01_mini.ipynb"), "/etc"), ("carl/01_mini.ipynb", WORK)]
    put(tmp_path, {"term.zip": zipped(entries)})
    alice, bob, carl = read(course, tmp_path / "term.zip")
    assert (alice.name, alice.error[:21], bob.error) == ("alice", "it is a symbolic link", alice.error)
    assert not carl.error


def test_an_archive_inside_a_students_archive_is_not_opened(course, tmp_path):
    inner = zipped({"02_more.ipynb": MORE})
    alice = zipped({"01_mini.ipynb": WORK, "rest.zip": inner})
    put(tmp_path, {"term/alice.zip": alice, "alice.zip": alice, "all.zip": zipped({"alice.zip": alice})})
    for path in ("term", "alice.zip", "all.zip"):
        first, rest = read(course, tmp_path / path)
        assert (first.name, rest.name) == ("alice.zip/01_mini.ipynb", "alice.zip/rest.zip")
        assert rest.error == "it is an archive inside an archive: pack its files directly"


def test_archives_with_any_bytes_changed_never_end_a_batch(course, tmp_path):
    good = zipped({"alice/01_mini.ipynb": WORK, "alice/h.py": "x", "bob.zip": GOOD, "carl/": ""})
    chance = random.Random(7)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        put(tmp_path, {"term/alice.zip": bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])})
        for one in read(course, tmp_path / "term"):
            assert bool(one.error) is not bool(one.cells)
            assert len(one.digest) == 64  # so its text can be written down

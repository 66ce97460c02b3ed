"""Formats and feedback: each is read back by a reader of its kind, whatever a submission wrote into its messages."""

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from junitparser.xunit2 import JUnitXml

from course_lib.errors import MisuseError
from course_lib.grading.feedback import page, write_pages
from course_lib.grading.formats import FORMATS, render
from tests.strategies import text

OPTION = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
LOOK = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEST = {
    "score": {"type": "number"},
    "max_score": {"type": "number"},
    "status": {"enum": ["passed", "failed"]},
    "name": {"type": "string"},
    "name_format": LOOK,
    "number": {"type": "string"},
    "output": {"type": "string"},
    "output_format": LOOK,
    "tags": {"type": "array", "items": {"type": "string"}},
    "visibility": OPTION,
    "extra_data": {"type": "object"},
}
TESTS = {"type": "array", "items": {"type": "object", "properties": TEST, "additionalProperties": False}}
SCORED = {"required": ["tests"], "properties": {"tests": {"minItems": 1, "items": {"required": ["score"]}}}}
GRADESCOPE = {  # results.json as gradescope-autograders.readthedocs.io/en/latest/specs/ has it
    "type": "object",
    "anyOf": [{"required": ["score"]}, SCORED],
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": LOOK,
        "test_output_format": LOOK,
        "test_name_format": LOOK,
        "visibility": OPTION,
        "stdout_visibility": OPTION,
        "extra_data": {"type": "object"},
        "tests": TESTS,
        "leaderboard": {"type": "array", "items": {"type": "object", "required": ["name", "value"]}},
    },
}
HOSTILE = "<script>alert(1)</script>\"'</pre></td>&amp;\x1b[2J\x00\r\ud800\ufffe\u202eevil]]>\n=1+1"
# Any text, with what is hostile in some format more often than by chance. Not empty: then there is no message.
texts = st.lists(text(min_size=1, max_size=5) | st.sampled_from(HOSTILE) | st.characters(), min_size=1).map("".join)


def check(name="a", outcome="passed", message="", hidden=False, points=2):
    about = dict(name=f"test_{name}", behaviour=f"It does {name}.", hidden=hidden)
    got = points if outcome == "passed" else 0
    return dict(**about, points=got, max_points=points, outcome=outcome, message=message)


def exercise(id, *checks):
    got, most = sum(c["points"] for c in checks), sum(c["max_points"] for c in checks)
    marks = dict(id=id, points=got, max_points=most, outcome="correct" if got == most else "not yet", hidden_run=True)
    return dict(**marks, summary=f"{id}: {got} of {most}", checks=list(checks))


def entry(submission="alice/03.ipynb", *exercises, error="", problems=(), student="", isolation="bubblewrap"):
    student = student or submission.partition("/")[0]
    about = dict(submission=submission, student=student, isolation=isolation, seed=0)
    return dict(**about, error=error, problems=list(problems), exercises=list(exercises))


ALICE = entry(
    "alice/03.ipynb",
    exercise("double", check("a"), check("b", "failed", "expected: 4\ngot: 5"), check("c", hidden=True, points=3)),
    exercise(
        "treble", check("d", "failed", "float results\nsecret input 77", hidden=True), check("e", "error", "gone")
    ),
    problems=["cell 3: NameError: name 'x' is not defined", "cell 4: ValueError: no"],
)
BOB = entry("bob/03.ipynb", error="not a notebook: Expecting value", isolation="")


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def hostile(text):
    """An entry that has the text everywhere a submission could put it."""
    checks = check("a", "failed", text), check("b", "failed", text, hidden=True)
    return entry(f"{text}/x.py", exercise("double", *checks), error=text, problems=[text], student=text)


def test_json_is_what_was_graded_whatever_order_its_keys_came_in():
    shuffled = json.loads(json.dumps([ALICE, BOB], sort_keys=True))
    text = render([ALICE, BOB], "json")
    assert json.loads(text) == [ALICE, BOB]
    assert render(shuffled, "json") == text
    assert list(json.loads(text)[0]) == ["submission", "student", "isolation", "seed", "error", "problems", "exercises"]
    assert text.startswith('[\n  {\n    "submission"')


def test_gradescope_results_follow_the_documented_format_and_their_scores_sum():
    results = json.loads(render([ALICE], "gradescope"))
    jsonschema.validate(results, GRADESCOPE)
    assert "score" not in results, "a score at the top would replace the sum of the tests"
    assert sum(test["score"] for test in results["tests"]) == 5
    assert sum(test["max_score"] for test in results["tests"]) == 11
    assert [test["status"] for test in results["tests"]] == ["passed", "failed", "passed", "failed", "failed"]
    assert [test["number"] for test in results["tests"]] == ["1.1", "1.2", "1.3", "2.1", "2.2"]
    assert results["tests"][1]["output"] == "expected: 4\ngot: 5"
    assert results["tests"][1]["name"] == "double: It does b."
    assert results["output"] == "\n".join(ALICE["problems"])
    assert results["stdout_visibility"] == "hidden"


def test_gradescope_shows_nothing_of_hidden_checks_before_marks_are_published():
    results = json.loads(render([ALICE], "gradescope"))
    hidden = [test for test in results["tests"] if "(hidden)" in test["name"]]
    assert [test["visibility"] for test in hidden] == ["after_published"] * 2
    at_once = json.dumps([results["output"], *(test for test in results["tests"] if test["visibility"] == "visible")])
    assert not re.search("hidden|float results|5 of", at_once)


@pytest.mark.parametrize(
    "bad", [BOB, entry("x.py"), entry("x.py", exercise("double", check("a", "failed")), error="late")]
)
def test_gradescope_gives_no_score_for_what_was_not_graded_and_says_why(bad):
    results = json.loads(render([bad], "gradescope"))
    jsonschema.validate(results, GRADESCOPE)
    assert results["score"] == 0
    assert results["output"] == bad["error"]


def test_gradescope_joins_the_files_of_one_student_and_counts_the_better_answer():
    less = entry("alice/double.py", exercise("double", check("a", "failed")))
    results = json.loads(render([ALICE, {**less, "student": ALICE["student"]}], "gradescope"))
    assert results == json.loads(render([ALICE], "gradescope"))


@pytest.mark.parametrize("entries", [[], [ALICE, BOB]])
def test_gradescope_refuses_what_it_cannot_hold(entries):
    with pytest.raises(MisuseError, match=rf"work of one student, and here are {len(entries)} submissions: grade one"):
        render(entries, "gradescope")


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(MisuseError, match="'yaml': choose one of text, json, gradescope, junit, csv"):
        render([], "yaml")


def test_junit_is_read_back_with_every_check_and_reason():
    text = render([ALICE, BOB, entry("empty.py")], "junit")
    report = JUnitXml.fromstring(text)
    suites = {suite.name: suite for suite in report}
    assert list(suites) == ["alice/03.ipynb: double", "alice/03.ipynb: treble", "bob/03.ipynb", "empty.py"]
    assert [(s.tests, s.failures, s.errors, s.time) for s in report] == [
        *((3, 1, 0, 0), (2, 1, 1, 0), (1, 0, 1, 0), (0, 0, 0, 0))
    ]
    double, treble, bob, _ = ([case.result for case in suite] for suite in report)
    assert [[(r.type, r.message, r.text) for r in results] for results in double] == [
        *([], [("failed", "It does b.", "expected: 4\ngot: 5")], [])
    ]
    assert [results[0].text for results in (*treble, *bob)] == ["float results", "gone", BOB["error"]]
    assert [case.name for case in suites["alice/03.ipynb: double"]] == ["test_a", "test_b", "test_c"]
    counts = (
        'tests="3" failures="1" errors="0"',
        'tests="2" failures="1" errors="1"',
        'tests="1" failures="0" errors="1"',
    )
    assert [text.count(written) for written in counts] == [1, 1, 1], "readers that count nothing themselves"
    points = {p.name: p.value for p in suites["alice/03.ipynb: double"].properties()}
    assert points == {"isolation": "bubblewrap", "seed": "0", "points": "5", "max_points": "7"}
    assert suites["alice/03.ipynb: treble"].system_out == "\n".join(ALICE["problems"])


def test_csv_has_a_row_for_each_student_and_a_column_for_each_exercise():
    carol = [entry("carol/1.py", exercise("treble", check("a"))), entry("carol/2.py", exercise("double", check("a")))]
    assert rows(render([*carol, BOB, ALICE], "csv")) == [
        ["student", "treble", "double", "total", "max", "remarks"],
        ["alice", "0", "5", "5", "11", ""],
        ["bob", "", "", "0", "11", "bob/03.ipynb: not a notebook: Expecting value"],
        ["carol", "2", "2", "4", "11", ""],
    ]


def test_csv_columns_and_maxima_come_from_the_course_where_it_is_given():
    table = rows(render([ALICE], "csv", {"quad": 10, "treble": 20}))
    assert table[0] == ["student", "quad", "treble", "double", "total", "max", "remarks"]
    assert table[1] == ["alice", "", "0", "5", "5", "37", ""]


@pytest.mark.parametrize("turned", [False, True])
def test_csv_keeps_the_better_of_two_results_and_says_so(turned):
    two = [entry("al/a.py", exercise("x", check("a", "failed"))), entry("al/b.py", exercise("x", check("a")))]
    table = rows(render(two[::-1] if turned else two, "csv"))
    assert table[1] == ["al", "2", "2", "2", "x came twice: kept 2 points of al/b.py, not 0 of al/a.py"]


def test_csv_keeps_the_first_of_two_equal_results_and_tells_errors_in_short():
    same = [entry(f"al/{name}.py", exercise("x", check("a"))) for name in "ab"]
    errors = [entry("al/c.py", error="a reason\nand its details"), entry("al/d.py", error="long " * 100)]
    kept = "x came twice: kept 2 points of al/a.py, not 2 of al/b.py"
    assert rows(render([*same, *errors], "csv"))[1][-1] == f"{kept}; al/c.py: a reason; al/d.py: {'long ' * 24}"


@pytest.mark.parametrize("start", [*"=+-@\t\r\n＝＋－＠"])
def test_csv_cells_are_no_formulas(start):
    table = rows(render([entry(f"{start}cmd|' /C calc'!A0", error="bad")], "csv"))
    assert table[1][0].startswith("'")
    assert table[1][-1].startswith("'")


def test_text_tells_what_failed_and_no_more_of_hidden_checks_than_their_category():
    assert render([ALICE, BOB, entry("c.py", isolation="process")], "text").splitlines() == [
        "alice/03.ipynb (bubblewrap)",
        "  cell 3: NameError: name 'x' is not defined",
        "  cell 4: ValueError: no",
        "  double: 5 of 7",
        "    -- It does b.",
        "       expected: 4",
        "       got: 5",
        "  treble: 0 of 4",
        "    -- It does d. (hidden)",
        "       float results",
        "    -- It does e.",
        "       gone",
        "",
        "bob/03.ipynb (nothing ran)",
        "  error: not a notebook: Expecting value",
        "",
        "c.py (process)",
        "",
        "3 submissions graded, 1 with errors; isolation: bubblewrap, process",
    ]
    assert render([BOB], "text").endswith("\n\n1 submission graded, 1 with errors; isolation: nothing ran\n")


@pytest.mark.parametrize("format", ["text", "csv", "junit", "gradescope"])
def test_escape_sequences_are_shown_not_sent(format):
    said = json.loads(render([hostile(HOSTILE)], format))["output"] if format == "gradescope" else None
    text = said or render([hostile(HOSTILE)], format)
    assert "\\x1b[2J\\x00\\r\\ud800\\ufffe\\u202eevil" in text
    assert all(char.isprintable() or char in "\n\t" for char in text)


@given(texts)
@example("\n")
@example(HOSTILE)
def test_every_format_can_be_read_back_whatever_a_message_says(text):
    bad, good = hostile(text), entry("zoe.py", exercise("double", check("a")), student="zoe" + text)
    assert json.loads(render([bad, good], "json")) == [bad, good]
    jsonschema.validate(json.loads(render([bad], "gradescope")), GRADESCOPE)
    suites = JUnitXml.fromstring(render([bad, good], "junit"))
    assert [suite.tests for suite in suites] == [1, 2, 1]
    assert len(rows(render([bad, good], "csv"))) == 3
    lines = render([bad, good], "text").split("\n")
    assert len([line for line in lines if line and not line.startswith("  ")]) <= 3
    for format in FORMATS:
        assert render([good], format).encode().endswith(b"\n")


class Read(HTMLParser):
    """A page: its tags in their order, all texts that are not blank, and the texts of the <pre> blocks among them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts, self.said = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)
        if self.open and self.open[-1] == "pre":
            self.said.append(data)


@given(texts.filter(lambda text: text.partition("\n")[0]))
@example(HOSTILE)
def test_no_message_becomes_a_tag_of_a_page(text):
    read, plain = Read(page(text, [hostile(text)], {"double": text})), Read(page("a", [hostile("a")], {}))
    assert read.tags == plain.tags
    assert len(read.said) == 4
    assert "<script" not in page(text, [hostile(text)], {"double": text}).lower()


def test_a_page_says_what_the_entry_says_and_nothing_else():
    read = Read(page("alice", [ALICE, BOB], {"double": "Double a number"}))
    heads = ["What is asked for", "Result", "Points"]
    assert [text for text in read.texts if "color-scheme" not in text] == [
        *("Feedback for alice", "Feedback for alice", "alice/03.ipynb"),
        *(
            "These failed while the file was loaded; the rest was judged all the same:",
            *("\n" + said for said in ALICE["problems"]),
        ),
        *("Double a number", "double: 5 of 7", *heads, "It does a.", "passed", "2 of 2"),
        *("It does b.", "failed", "\nexpected: 4\ngot: 5", "0 of 2", "It does c. (hidden)", "passed", "3 of 3"),
        *("treble", "treble: 0 of 4", *heads, "It does d. (hidden)", "failed", "\nfloat results", "0 of 2"),
        *("It does e.", "error", "\ngone", "0 of 2"),
        *("bob/03.ipynb", "This could not be graded:", "\n" + BOB["error"]),
    ]
    assert [read.tags.count(tag) for tag in ("h1", "h2", "h3", "table", "caption", "thead", "main")] == [
        1,
        2,
        2,
        2,
        2,
        2,
        1,
    ]


def test_a_page_loads_and_runs_nothing():
    text = page("alice", [ALICE], {})
    assert not set(Read(text).tags) & {"script", "link", "img", "iframe", "form", "object"}
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'\"" in text
    assert "url(" not in style
    assert 'style="' not in text


def test_direction_marks_are_shown_and_very_long_messages_are_folded_whole():
    text = page("\u202ealice", [entry("a/\u05d0.py", error="x" * 100_000)], {})
    assert "<h1><bdi>Feedback for \\u202ealice</bdi></h1>" in text
    assert "<h2><bdi>a/\u05d0.py</bdi></h2>" in text
    assert "<details><summary>100,000 characters</summary>" in text
    assert Read(text).said == ["\n" + "x" * 100_000]


def test_every_student_gets_a_file_of_a_safe_name_of_their_own(tmp_path):
    names = [
        "alice",
        "Alice",
        "ALICE",
        "../../etc/passwd",
        "..",
        "",
        ".",
        "a/b",
        "a\\b",
        "a b",
        "con",
        "CON",
        "nul.txt",
    ]
    names += ["index", "\u00e9", "e\u0301", "\ud800", "x" * 300, "x" * 299 + "y", "<b>", "alice.html", "com1", "a\0b"]
    entries = [entry("s.py", error=f"number {place}") | {"student": name} for place, name in enumerate(names)]
    index, *pages = write_pages([*entries, *entries], tmp_path / "new" / "pages", {})
    folder = index.parent
    assert {path.parent for path in pages} == {folder}
    assert index.name == "index.html"
    assert "alice.html" in {path.name for path in pages}
    assert len({path.name.casefold() for path in [index, *pages]}) == len(names) + 1 == len(list(folder.iterdir()))
    for path in pages:
        assert re.fullmatch(r"(?!(con|nul|com1|index)\.)[a-z0-9][a-z0-9_-]{0,60}(\.[0-9a-f]{16})?\.html", path.name)
    said = sorted(tuple(Read(path.read_text("utf-8")).said) for path in pages)
    assert said == sorted((f"\nnumber {place}",) * 2 for place in range(len(names)))
    text = index.read_text("utf-8")
    assert re.findall('<a href="(.*?)">', text) == [path.name for path in pages]
    assert len(Read(text).texts) == 3 + len(names) - 1, "title, style and heading; the empty name has no text"


def test_a_student_cannot_take_the_name_of_another_ones_page(tmp_path):
    first = write_pages([entry("s.py", student="Alice")], tmp_path, {})[1]
    thief = write_pages([entry("s.py", student=first.stem)], tmp_path, {})[1]
    assert thief != first
    assert write_pages([entry("s.py", student="Alice"), entry("s.py", student="alice")], tmp_path, {})[1] == first

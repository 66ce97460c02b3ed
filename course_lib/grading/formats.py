"""Graded entries as text: for the terminal, JSON, Gradescope, JUnit XML, or a CSV gradebook.

Rule: every format is a pure function of the entries, without times and paths of this machine, so the same entries
give the same text. What a submission could have written is shown with its invisible characters escaped (JSON keeps
them, in its own escapes). Of a hidden check no more than its category is told.
Left out: grading (batch), pages for students (feedback), writing files (cli_grade; all formats are UTF-8).
"""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from course_lib.errors import MisuseError

Entry = dict[str, Any]

_ENTRY = ("submission", "student", "isolation", "seed", "error", "problems", "exercises")
_EXERCISE = ("id", "points", "max_points", "outcome", "hidden_run", "summary", "checks")
_CHECK = ("name", "behaviour", "hidden", "points", "max_points", "outcome", "message")
# What makes spreadsheets take a cell for a formula; the last four are the wide forms of the first four.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(entries: list[Entry], format: str, course_points: dict[str, int] | None = None) -> str:
    """All entries in one format: "text", "json", "gradescope", "junit" or "csv". Ends with a line feed.

    `course_points` says for "csv" which exercises have a column, in which order, and how many points each is worth;
    without it these are the exercises that appear. Raises MisuseError for another format, and for "gradescope" when
    there is not exactly one entry.
    """
    if format == "csv":
        return _csv(entries, course_points or {})
    if format not in _WRITERS:
        raise MisuseError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    return _WRITERS[format](entries)


def shown(text: str, keep: str = "\n\t") -> str:
    """The text with every character that can't be seen, but those of `keep`, written as in a Python string: \\x1b.

    These are what steers terminals, what XML forbids, what can't be encoded, and what turns the reading direction.
    """
    return re.sub(r"[^ -~]", lambda match: _visible(match[0], keep), text)


def _visible(char: str, keep: str) -> str:
    return char if char in keep or char.isprintable() else char.encode("unicode_escape").decode("ascii")


def said(check: Mapping[str, Any]) -> str:
    """What may be told about a check: its message ("" when it passed), or the category of a hidden one."""
    return shown(check["message"].partition("\n")[0] if check["hidden"] else check["message"])


def label(check: Mapping[str, Any]) -> str:
    """The behaviour that a check asks for, in a line."""
    return shown(check["behaviour"], keep="") + (" (hidden)" if check["hidden"] else "")


def _text(entries: list[Entry]) -> str:
    lines: list[str] = []
    for entry in entries:
        lines.append(f"{shown(entry['submission'], keep='')} ({entry['isolation'] or 'nothing ran'})")
        # What a submission wrote is always indented, so that it can't pass for a line of ours.
        lines += _indented(2, f"error: {entry['error']}" if entry["error"] else "", *entry["problems"])
        for exercise in entry["exercises"]:
            lines += _indented(2, exercise["summary"])
            for check in exercise["checks"]:
                if check["outcome"] != "passed":
                    lines += [f"    -- {label(check)}", *_indented(7, said(check))]
        lines.append("")
    isolations = sorted({entry["isolation"] for entry in entries} - {""})
    count, errors = len(entries), sum(bool(entry["error"]) for entry in entries)
    lines.append(
        f"{count} submission{'' if count == 1 else 's'} graded, {errors} with errors; "
        f"isolation: {', '.join(isolations) or 'nothing ran'}"
    )
    return "\n".join(lines) + "\n"


def _indented(width: int, *texts: str) -> Iterator[str]:
    for text in filter(None, texts):
        yield from (" " * width + line for line in shown(text).split("\n"))


def _json(entries: list[Entry]) -> str:
    ordered = [
        _pick(entry, _ENTRY)
        | {
            "exercises": [
                _pick(exercise, _EXERCISE) | {"checks": [_pick(check, _CHECK) for check in exercise["checks"]]}
                for exercise in entry["exercises"]
            ]
        }
        for entry in entries
    ]
    return json.dumps(ordered, indent=2) + "\n"


def _pick(data: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: data[key] for key in keys}


def _gradescope(entries: list[Entry]) -> str:
    """Gradescope's results.json. Nothing outside the hidden tests tells of them: students see it at once."""
    if len({entry["student"] for entry in entries}) != 1:
        raise MisuseError(
            f"the format gradescope holds the work of one student, and here are {len(entries)} submissions: "
            "grade one at a time, or choose json or csv for all of them"
        )
    best: dict[str, dict[str, Any]] = {}  # handed in twice: the better one counts, as in the CSV
    for exercise in (exercise for entry in entries for exercise in entry["exercises"]):
        if exercise["id"] not in best or exercise["points"] > best[exercise["id"]]["points"]:
            best[exercise["id"]] = exercise
    tests = [
        {
            "score": check["points"],
            "max_score": check["max_points"],
            "status": "passed" if check["outcome"] == "passed" else "failed",
            "name": f"{exercise['id']}: {label(check)}",
            "name_format": "text",
            "number": f"{place}.{number}",
            "output": said(check),
            "output_format": "text",
            "visibility": "after_published" if check["hidden"] else "visible",
        }
        for place, exercise in enumerate(best.values(), 1)
        for number, check in enumerate(exercise["checks"], 1)
    ]
    remarks = [text for entry in entries for text in (entry["error"], *entry["problems"]) if text]
    results: dict[str, Any] = {
        "output": shown("\n".join(remarks)),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    failed = any(entry["error"] for entry in entries) and not any(test["score"] for test in tests)
    if failed or not tests:  # a score at the top replaces the sum of the tests
        results = {"score": 0, **results}
    return json.dumps(results, indent=2) + "\n"


def _junit(entries: list[Entry]) -> str:
    """A suite for each exercise of each entry; what could not be graded is an error in a suite of its own."""
    root = ET.Element("testsuites")
    for entry in entries:
        name, properties = shown(entry["submission"], keep=""), _pick(entry, ("isolation", "seed"))
        if entry["error"] or not entry["exercises"]:
            suite = _suite(root, name, properties)
            if entry["error"]:
                case = ET.SubElement(suite, "testcase", name="graded", classname=name, time="0")
                reason = ET.SubElement(case, "error", type="not graded", message="could not be graded")
                reason.text = shown(entry["error"])
            _close(suite, entry)
        for exercise in entry["exercises"]:
            suite = _suite(root, f"{name}: {exercise['id']}", properties | _pick(exercise, ("points", "max_points")))
            for check in exercise["checks"]:
                case = ET.SubElement(suite, "testcase", name=check["name"], classname=exercise["id"], time="0")
                if check["outcome"] != "passed":
                    tag = "error" if check["outcome"] == "error" else "failure"
                    reason = ET.SubElement(case, tag, type=check["outcome"], message=label(check))
                    reason.text = said(check)
            _close(suite, entry)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, properties: dict[str, Any]) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=name, time="0")
    holder = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        ET.SubElement(holder, "property", name=key, value=str(value))
    return suite


def _close(suite: ET.Element, entry: Entry) -> None:
    """The counts, and at the end (the order matters to strict readers) the cells that failed."""
    for key, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error")):
        suite.set(key, str(len(suite.findall(path))))
    if entry["problems"]:
        ET.SubElement(suite, "system-out").text = shown("\n".join(entry["problems"]))


def _csv(entries: list[Entry], course_points: dict[str, int]) -> str:
    """A gradebook: one row per student, sorted by name. An exercise that was not handed in has an empty cell."""
    worth = dict(course_points)
    best: dict[str, dict[str, tuple[int, str]]] = {}  # student -> exercise -> (points, submission)
    remarks: dict[str, list[str]] = {}
    for entry in entries:
        row = best.setdefault(entry["student"], {})
        notes = remarks.setdefault(entry["student"], [])
        if entry["error"]:
            reason = entry["error"].partition("\n")[0]
            notes.append(f"{entry['submission']}: {reason[:120]}")
        for exercise in entry["exercises"]:
            id = exercise["id"]
            if id not in course_points:
                worth[id] = max(worth.get(id, 0), exercise["max_points"])
            this = (exercise["points"], entry["submission"])
            if id in row:
                kept, other = (row[id], this) if row[id][0] >= this[0] else (this, row[id])
                notes.append(f"{id} came twice: kept {kept[0]} points of {kept[1]}, not {other[0]} of {other[1]}")
                this = kept
            row[id] = this
    table = io.StringIO()
    write = csv.writer(table, lineterminator="\n").writerow
    write([_cell(name) for name in ("student", *worth, "total", "max", "remarks")])
    for student in sorted(best):
        points = {id: got for id, (got, _) in best[student].items()}
        cells = [points.get(id, "") for id in worth]
        remark = _cell("; ".join(remarks[student]))
        write([_cell(student), *cells, sum(points.values()), sum(worth.values()), remark])
    return table.getvalue()


def _cell(text: str) -> str:
    """One line of text that no spreadsheet takes for a formula."""
    return ("'" if text.startswith(_FORMULA) else "") + shown(text, keep="")


_WRITERS: dict[str, Callable[[list[Entry]], str]] = {
    "text": _text,
    "json": _json,
    "gradescope": _gradescope,
    "junit": _junit,
}
FORMATS = ("text", "json", "gradescope", "junit", "csv")

"""Feedback for students: one HTML page for each, and an index of the pages.

Rule: a page stands alone (no script, nothing loaded from elsewhere, a policy that forbids both), and everything that
came from a submission is escaped, invisible characters included. Nothing is told by colour alone; every fold and
link works with the keyboard. Left out: what happened (entries), other formats (formats), sending pages to anyone.
"""

import base64
import hashlib
import re
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from course_lib.grading.formats import Entry, label, said, shown

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; background: Canvas; color: CanvasText; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
caption { text-align: start; padding: 0.3rem 0; }
th, td { border: 1px solid GrayText; padding: 0.4rem; text-align: start; vertical-align: top; }
th { font-weight: normal; overflow-wrap: anywhere; }
thead th { font-weight: bold; }
.points { width: 6rem; }
pre { margin: 0.3rem 0; white-space: pre-wrap; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
.error { border-inline-start: 0.3rem solid; padding-inline-start: 0.7rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
_LONG = 2000  # characters; a longer message is folded
# Windows keeps these for devices, whatever the ending; a folder needs its own index.
_RESERVED = re.compile(r"index|con|prn|aux|nul|com\d|lpt\d")


def page(student: str, entries: list[Entry], titles: dict[str, str]) -> str:
    """The page of one student, complete HTML. `titles`: the title of each exercise by its id; ids without one serve."""
    return _document(f"Feedback for {student}", "".join(_submission(entry, titles) for entry in entries))


def write_pages(entries: list[Entry], folder: Path, titles: dict[str, str]) -> list[Path]:
    """Write one page for each student and index.html into the folder; returns the files, the index first.

    The folder is made where needed; older pages of the same students are replaced, other files stay. The name of a
    page depends on its student alone, so that a link stays right in the next batch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[Path, str] = {}
    links = []
    for student, theirs in groupby(sorted(entries, key=_student), key=_student):
        path = folder / f"{_file_stem(student)}.html"
        pages[path] = page(student, list(theirs), titles)
        links.append(f'<li><a href="{path.name}">{_inline(student)}</a></li>')
    pages = {folder / "index.html": _document("Feedback", f"<ul>{''.join(links)}</ul>"), **pages}
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(pages)


def _student(entry: Entry) -> str:
    return str(entry["student"])


def _file_stem(student: str) -> str:
    """A name that every file system takes and no other student has.

    Only simple names stand for themselves. All others get a digest behind a dot, which no simple name has: so neither
    cut, folded nor chosen names meet, also where case does not count.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", student) and not _RESERVED.fullmatch(student):
        return student
    slug = re.sub(r"[^a-z0-9]+", "-", student.lower())[:40].strip("-") or "student"
    slug = f"{slug}_" if _RESERVED.fullmatch(slug) else slug
    return f"{slug}.{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_plain(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{_inline(title)}</h1>\n{body}</main>\n</body>\n</html>\n"
    )


def _submission(entry: Entry, titles: dict[str, str]) -> str:
    parts = [f"<section>\n<h2>{_inline(entry['submission'])}</h2>\n"]
    if entry["error"]:
        parts.append(f'<div class="error"><p>This could not be graded:</p>{_message(shown(entry["error"]))}</div>\n')
    if entry["problems"]:
        items = "".join(f"<li>{_message(shown(problem))}</li>" for problem in entry["problems"])
        parts.append(
            f"<p>These failed while the file was loaded; the rest was judged all the same:</p><ul>{items}</ul>\n"
        )
    parts += [_exercise(exercise, titles) for exercise in entry["exercises"]]
    return "".join([*parts, "</section>\n"])


def _exercise(exercise: dict[str, Any], titles: dict[str, str]) -> str:
    heading = f"<h3>{_inline(titles.get(exercise['id'], exercise['id']))}</h3>\n"
    rows = "".join(
        f'<tr><th scope="row">{_inline(label(check))}</th><td>{_inline(check["outcome"])}'
        f"{_message(said(check))}</td>"
        f"<td>{check['points']} of {check['max_points']}</td></tr>\n"
        for check in exercise["checks"]
    )
    return (
        f"{heading}<table>\n<caption>{_inline(exercise['summary'])}</caption>\n<thead><tr>"
        '<th scope="col">What is asked for</th><th scope="col">Result</th><th scope="col" class="points">Points</th>'
        f"</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _message(text: str) -> str:
    """A message of several lines. A line break after <pre> is not shown, so one that the text begins with is kept."""
    block = f"<pre>\n{escape(text)}</pre>" if text else ""
    return f"<details><summary>{len(text):,} characters</summary>{block}</details>" if len(text) > _LONG else block


def _plain(text: str) -> str:
    return escape(shown(text, keep=""))


def _inline(text: str) -> str:
    """Text in a line, kept from turning the direction of what stands around it."""
    return f"<bdi>{_plain(text)}</bdi>"

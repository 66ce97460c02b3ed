"""The documentation is true: tables equal the folders, commands exist, versions stand once."""

import re
import tomllib
from pathlib import Path

import pytest

from course_lib.grading.exercises import Course

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COURSE = Course(ROOT)
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/other_systems.md", "docs/http2.md", "docs/faults.md"]


def lesson_title(lesson):
    import json

    cells = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
    heading = "".join(cells[0]["source"]).splitlines()[0]
    return heading.removeprefix("# ").strip()


def table_of_exercises():
    """The README's table, as it should be."""
    rows = ["| lesson | exercises (points: visible + hidden) |", "|---|---|"]
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        listed = [
            f"`{e.id}` {e.points(False)} + {e.points(True)}{' *' if e.stretch else ''}"
            for e in COURSE.exercises(path.stem)
        ]
        link = f"[{path.stem[:2]}](notebooks/{path.name})"
        rows.append(f"| {link} {lesson_title(path.stem)} | {', '.join(listed) or 'none: a tour'} |")
    every = COURSE.exercises()
    total, visible = sum(e.points() for e in every), sum(e.points(False) for e in every)
    rows += [
        "",
        f"{len(every)} exercises, {total} points ({visible} visible, {total - visible} hidden). * may be skipped.",
    ]
    return "\n".join(rows)


def test_the_table_of_exercises_equals_the_folders():
    assert table_of_exercises() in README, "put this into README.md:\n" + table_of_exercises()


def test_the_table_of_demo_servers_names_them_all():
    from course_lib.apps import NAMES
    from course_lib.cli_serve import EXPRESS

    table = README.split("<!-- servers:")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.M) == sorted([*NAMES, EXPRESS])


def test_every_make_verb_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    verbs = set(re.findall(r"^make (\w+)", README, re.M))
    assert {"lab", "test"} <= verbs
    assert all(re.search(rf"^{verb}:", makefile, re.M) for verb in verbs)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_is_linked_exists(name):
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text("utf-8")):
        if not target.startswith("http"):
            assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_course_command_and_option_that_is_named_exists(name):
    from typer.main import get_command

    from course_lib.cli import app

    known = set(get_command(app).commands)
    text = (ROOT / name).read_text("utf-8")
    assert {a or b for a, b in re.findall(r"`course (\w+)|^course (\w+)", text, re.M)} <= known
    for command, rest in re.findall(r"(?:`|^|run: )course (\w+)([^`\n#]*)", text, re.M):
        if command != "new":  # a group of commands
            options = {option for p in get_command(app).commands[command].params for option in p.opts}
            assert set(re.findall(r"--[\w-]+", rest)) <= options, command


def test_versions_of_packages_stand_only_in_the_package_metadata():
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = pins["optional-dependencies"]
    named = [*pins["dependencies"], *extras["dev"], *extras["peers"]]
    assert all("==" in pin for pin in named)
    assert "==" not in (ROOT / "environment.yml").read_text("utf-8")
    assert "==" not in (ROOT / "Makefile").read_text("utf-8")


def test_ci_runs_the_readmes_own_test_command():
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text("utf-8"), re.M)

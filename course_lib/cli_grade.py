"""The instructor's commands: `course grade`, `course gradebook`, `course export`.

Rule: thin, as cli. Progress and remarks go to stderr, the report to stdout or --output. Exit status: 0 everything
was graded, whatever the marks; 2 wrong usage; 130 interrupted, with what was graded kept.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from course_lib.cli_progress import progress, say
from course_lib.errors import MisuseError
from course_lib.grading.interrupts import interrupts_later

if TYPE_CHECKING:
    from course_lib.grading.batch import Graded
    from course_lib.grading.exercises import Course, Exercise
    from course_lib.grading.formats import Entry
    from course_lib.grading.gradebook import Gradebook
    from course_lib.grading.submissions import Submission

INTERRUPTED = 130


class Format(StrEnum):
    text = "text"
    json = "json"
    gradescope = "gradescope"
    junit = "junit"
    csv = "csv"


Output = Annotated[Path | None, typer.Option(help="Write the report to this file instead of the terminal.")]
Feedback = Annotated[Path | None, typer.Option(help="Also write an HTML page for each student into this folder.")]
Book = Annotated[Path | None, typer.Option("--gradebook", help="The gradebook's file, if not the course's own.")]


def grade(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Notebooks, modules, folders, zip archives.")],
    exercise: Annotated[str | None, typer.Option(metavar="ID", help="Grade this exercise only.")] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also run the instructor-only checks.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the random inputs.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; one more than cores when left out.", min=1)] = (
        (os.cpu_count() or 1) + 1  # a grading waits on its pipe for a part of its time
    ),
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="Grade on a Dask cluster: tcp://host:port.")] = "",
    format: Annotated[Format, typer.Option(help="What the report looks like.")] = Format.text,
    output: Output = None,
    require_isolation: Annotated[
        bool, typer.Option("--require-isolation", help="Refuse to grade without bubblewrap.")
    ] = False,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Run notebooks top to bottom and compare their check cells.")
    ] = False,
    feedback: Feedback = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with an interrupted batch.")] = False,
    gradebook: Book = None,
) -> None:
    """Grade submissions that may be wrong, broken or hostile: each in a sandbox of its own.

    Exit status 0 when everything was graded, whatever the marks. An interrupted batch goes on when the
    same command is given again.
    """
    from course_lib.grading import batch
    from course_lib.grading.sandbox import unavailable
    from course_lib.grading.submissions import read_submissions

    os.environ["PYTHONSAFEPATH"] = "1"  # workers import nothing from the folder of the submissions
    course = _course()
    one = course.exercise(exercise) if exercise else None
    if hidden and not any(e.check_file(hidden=True).exists() for e in course.exercises()):
        raise MisuseError("--hidden: this copy of the course has no instructor-only checks (solutions/checks)")
    if hidden and notebook:
        raise MisuseError("--notebook shows what a learner sees: give --hidden in a run of its own")
    _require_places(output, feedback)
    isolation = batch.required_isolation(require_isolation)
    options = batch.Options(str(course.root), hidden, seed, isolation, notebook)
    submissions = read_submissions(paths, course, one)
    students = {submission.student for submission in submissions}
    if format is Format.gradescope and len(students) != 1:
        raise MisuseError(f"--format gradescope is for the work of one student: {len(students)} were found")
    book = _gradebook(course, gradebook)
    names = sorted(str(path.absolute()) for path in paths)
    arguments = {"paths": names, "exercise": exercise, "hidden": hidden, "seed": seed, "isolation": isolation}
    arguments |= {"notebook": notebook, "checks": _checks_digest(course, one)}
    engine = partial(batch.grade_all, options=options, jobs=jobs, scheduler=scheduler)
    entries, complete = _run(book, arguments, submissions, fresh, engine)
    if complete or entries:
        _write(entries, course, format, output, feedback)
    if why := unavailable():
        say(f"isolation: a plain process only ({why})")
    if not complete:
        say(f"interrupted: {len(entries)} of {len(submissions)} graded and kept; the same command goes on from there")
        raise typer.Exit(INTERRUPTED)


def gradebook(
    batch: Annotated[int | None, typer.Option(help="Only this batch; 0 is the newest.")] = None,
    format: Annotated[Format | None, typer.Option(help="Print the entries in this format instead of the list.")] = None,
    output: Output = None,
    feedback: Feedback = None,
    file: Book = None,
) -> None:
    """What was graded so far: the batches; with --format, the latest result of everything, or one batch again."""
    from course_lib.cli import print_table

    course = _course()
    _require_places(output, feedback)
    if file is not None and not file.exists():
        raise MisuseError(f"--gradebook {file} does not exist")
    book = _gradebook(course, file)
    batches = book.batches()
    if batch == 0:
        batch = batches[-1].id if batches else None
    if format is None and feedback is None and output is None and batch is None:
        rows = [
            [str(b.id), b.started, b.finished or "unfinished", str(b.entries), _arguments_text(b.arguments)]
            for b in batches
        ]
        print_table(["batch", "started", "finished", "submissions", "graded with"], rows)
        return
    _write(book.entries(batch), course, format or Format.text, output, feedback)


def export(
    gradescope: Annotated[bool, typer.Option("--gradescope", help="An autograder for Gradescope.")] = False,
    lesson: Annotated[str | None, typer.Option(help="The exercises of this lesson, such as 03.")] = None,
    exercise: Annotated[str | None, typer.Option(metavar="ID", help="This exercise only.")] = None,
    output: Annotated[Path, typer.Option(help="The archive to write.")] = Path("autograder.zip"),
) -> None:
    """Build what another system needs to grade this course: see docs/other_systems.md."""
    from course_lib.grading.exercises import Course
    from course_lib.grading.export import gradescope_zip

    if not gradescope:
        raise MisuseError("say for which system: --gradescope")
    course = Course.find()
    exercises = [course.exercise(exercise)] if exercise else course.exercises(lesson)
    if not exercises:
        raise MisuseError(f"no lesson is called {lesson!r}")
    _require_places(output, None)
    try:
        gradescope_zip(course, exercises, output)
    except OSError as error:
        raise MisuseError(f"the archive cannot be written ({error})") from error
    say(f"{output}: {', '.join(one.id for one in exercises)}; upload it as the autograder of an assignment")


def _run(
    book: "Gradebook",
    arguments: dict[str, Any],
    submissions: "list[Submission]",
    fresh: bool,
    engine: "Callable[[list[Submission]], Graded]",
) -> "tuple[list[Entry], bool]":
    """The entries in the order of their names, and whether all are there."""
    from course_lib.grading.gradebook import key, resume

    number, entries, left = resume(book, arguments, submissions, fresh)
    if entries:
        say(f"going on with batch {number}: {len(entries)} of {len(submissions)} were graded before")
    complete = True
    try:
        with progress(len(submissions), len(entries)) as advance, closing(engine(left)) as graded:
            for submission, entry in graded:
                with interrupts_later():
                    book.add(number, entry, key(submission))
                    entries[submission.name] = entry
                    advance()
    except KeyboardInterrupt:
        complete = False
    if complete:
        book.finish(number)
    return [entries[name] for name in sorted(entries)], complete


def _require_places(output: Path | None, feedback: Path | None) -> None:
    """Said before an hour of grading, not after."""
    for file in (output, feedback):
        if file is not None and not file.absolute().parent.is_dir():
            raise MisuseError(f"{file}: its folder does not exist")
    if output is not None and output.exists() and not output.is_file():
        raise MisuseError(f"--output {output}: that is not a file")
    if feedback is not None and feedback.exists() and not feedback.is_dir():
        raise MisuseError(f"--feedback {feedback}: that is not a folder")


def _write(
    entries: "list[Entry]", course: "Course", format: Format, output: Path | None, feedback: Path | None
) -> None:
    from course_lib.grading.feedback import write_pages
    from course_lib.grading.formats import render

    graded = {result["id"] for entry in entries for result in entry["exercises"]}
    points = {e.id: e.points() for e in course.exercises() if e.id in graded}
    text = render(entries, format.value, points)
    try:
        if feedback is not None:
            pages = write_pages(entries, feedback, {e.id: e.title for e in course.exercises()})
            say(f"{feedback}: {len(pages)} pages")
        if output is not None:
            target = output.resolve()
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                whole = Path(folder, "report")
                whole.write_text(text, "utf-8")
                os.replace(whole, target)  # never half a report
        else:
            typer.echo(text, nl=False)
    except BrokenPipeError:
        raise  # who reads it has seen enough
    except OSError as error:
        raise MisuseError(f"a report cannot be written ({error}); `course gradebook` has what was graded") from error


def _course() -> "Course":
    """The course that grades: COURSE_ROOT, else the library's own. Never a copy that was handed in, unless alone here.

    The working folder comes last, because checks run outside the sandbox.
    """
    from course_lib.grading.exercises import Course

    own = Path(__file__).resolve().parents[1]
    if "COURSE_ROOT" not in os.environ and (own / "exercises" / "checks").is_dir():
        return Course(own)
    return Course.find()


def _gradebook(course: "Course", file: Path | None) -> "Gradebook":
    from course_lib.grading.gradebook import Gradebook, is_gradebook
    from course_lib.notebook.paths import state_folder

    if file is not None and file.is_file() and not is_gradebook(file):
        raise MisuseError(f"--gradebook {file}: that is another kind of file, and is left as it is")
    return Gradebook(file or state_folder(course) / "gradebook.sqlite")


def _checks_digest(course: "Course", one: "Exercise | None") -> str:
    """Changes when the checks do: an interrupted batch does not go on with other checks."""
    files = [e.check_file(hidden) for e in ([one] if one else course.exercises()) for hidden in (False, True)]
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in files if f.exists())).hexdigest()[:16]


def _arguments_text(arguments: dict[str, Any]) -> str:
    words = [Path(name).name for name in arguments.get("paths", [])]
    words += [f"--exercise {arguments['exercise']}"] if arguments.get("exercise") else []
    words += [f"--{name}" for name in ("hidden", "notebook") if arguments.get(name)]
    return " ".join([*words, f"--seed {arguments.get('seed', 0)}"])

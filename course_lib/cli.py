"""The `course` command: what a learner, an instructor or an author does in a terminal.

Rule: thin. A command parses its arguments, calls one function of the library and prints; whatever is heavy is
imported inside the command. Exit status: 0 done, 1 something is wrong with the course, 2 wrong usage.
"""

from pathlib import Path
from typing import Annotated

import typer

from course_lib import cli_grade, cli_serve
from course_lib.errors import BuildError, CourseError, ExerciseError, MisuseError
from course_lib.grading.interrupts import ignore_at_exit, interruptible

app = typer.Typer(
    help="A course on streaming transports for LLM applications.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
new_app = typer.Typer(help="Start a lesson or an exercise (authors).", no_args_is_help=True)
app.add_typer(new_app, name="new")

ExerciseId = Annotated[str, typer.Argument(metavar="ID", help="The exercise, such as parse_sse_stream.")]


def main() -> None:
    """Entry point: turns the library's errors into a message and an exit status."""
    try:
        with interruptible():
            app(prog_name="course")
    except CourseError as error:
        typer.echo(f"course: {error}", err=True)
        usage = isinstance(error, (MisuseError, ExerciseError)) and not isinstance(error, BuildError)
        raise SystemExit(2 if usage else 1) from None
    except KeyboardInterrupt:
        raise SystemExit(cli_grade.INTERRUPTED) from None
    finally:
        ignore_at_exit()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"course {version('streaming-course')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command("list")
def list_() -> None:
    """The lessons and their exercises, with points."""
    from course_lib.grading.exercises import Course
    from course_lib.notebook.paths import lesson_names

    course = Course.find()
    rows = []
    for lesson in lesson_names(course):
        rows += [
            [
                lesson,
                e.id,
                e.kind,
                str(e.difficulty),
                str(e.points(hidden=False)),
                str(e.points()),
                _mark(e.easy, e.stretch),
            ]
            for e in course.exercises(lesson)
        ] or [[lesson, "", "", "", "", "", ""]]
    print_table(["lesson", "exercise", "kind", "difficulty", "visible", "all points", ""], rows)
    exercises = course.exercises()
    typer.echo(f"{len(exercises)} exercises, {sum(exercise.points() for exercise in exercises)} points")


@app.command()
def progress() -> None:
    """What you did so far, and what comes next."""
    from course_lib.grading.exercises import Course
    from course_lib.notebook.store import store_of
    from course_lib.notebook.summary import HEAD, summarise

    course = Course.find()
    summary = summarise(course, store_of(course))
    print_table(HEAD, summary.rows)
    typer.echo(f"{summary.total}\nNext: {summary.next}")


@app.command()
def reset(id: ExerciseId) -> None:
    """Put the starter of one exercise back; your code is kept as a file."""
    from course_lib.grading.exercises import Course
    from course_lib.notebook.starters import reset_exercise

    course = Course.find()
    kept = reset_exercise(course, course.exercise(id))
    typer.echo(f"{id} starts again; your code was kept as {kept}" if kept else f"{id} was the starter already")
    typer.echo("If the notebook is open: File > Reload Notebook from Disk")


@app.command()
def doctor() -> None:
    """What this machine has: packages, and the programs that the course can use."""
    from course_lib.notebook.doctor import HEAD, conclusion, examine

    findings = examine()
    print_table(HEAD, [finding.row for finding in findings])
    typer.echo(conclusion(findings))
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def build(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Lessons (03 or 03_sse_format) and folders to run; all when left out.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; say what differs, exit 1 if anything.")
    ] = False,
    run: Annotated[bool, typer.Option("--run", help="Execute the notebooks and save their outputs.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that a cell may take.", min=1)] = 60,
) -> None:
    """Derive exercises/ from solutions/ (authors); with --run also execute lessons, exercises and solutions.

    `course build --run notebooks 03` executes one lesson; `course build --check` is what the tests ask.
    """
    from course_lib.authoring import build as building
    from course_lib.authoring.execute import output_faults, run_notebook
    from course_lib.grading.exercises import Course

    if check and run:
        raise typer.BadParameter("--check changes nothing and --run saves outputs; give one of them")
    course, wanted = Course.find(), targets or []
    folders = [folder for folder in building.FOLDERS if folder in wanted] or list(building.FOLDERS)
    lessons = building.lessons_of(course, [target for target in wanted if target not in building.FOLDERS])
    if check:
        found = [text for lesson in lessons for text in building.differences(course, lesson)]
        notebooks = building.notebooks_of(course, lessons, folders)
        found += [text for path in notebooks for text in output_faults(path, course.root)]
        typer.echo("\n".join(found) or "exercises are as derived, outputs are in order")
        raise typer.Exit(1 if found else 0)
    for lesson in lessons:
        typer.echo(f"{lesson}: {'derived' if building.build(course, lesson) else 'as it was'}")
    if run:
        for path in building.notebooks_of(course, lessons, folders):
            seconds = run_notebook(path, course.root, timeout)
            typer.echo(f"{path.parent.name}/{path.name}: {seconds:.1f} s")


@new_app.command("exercise")
def new_exercise(
    id: ExerciseId,
    lesson: Annotated[str, typer.Option(help="Its lesson, such as 03_sse_format.")],
) -> None:
    """Start an exercise: cells in the solution notebook, two check files, a candidate of each kind."""
    from course_lib.authoring.scaffold import new_exercise
    from course_lib.grading.exercises import Course

    course = Course.find()
    _print_files(course.root, new_exercise(course, id, lesson))


@new_app.command("lesson")
def new_lesson(name: Annotated[str, typer.Argument(help="NN_topic, such as 05_sse_server.")]) -> None:
    """Start a lesson: its notebook, its solution notebook, its questions."""
    from course_lib.authoring.scaffold import new_lesson
    from course_lib.grading.exercises import Course

    course = Course.find()
    _print_files(course.root, new_lesson(course, name))


for command in (cli_serve.serve, cli_grade.grade, cli_grade.gradebook, cli_grade.export):
    app.command()(command)


def _mark(easy: bool, stretch: bool) -> str:
    return "easy" if easy else "stretch" if stretch else ""


def _print_files(root: Path, paths: list[Path]) -> None:
    typer.echo("Fill the blanks marked TODO in:")
    for path in paths:
        typer.echo(f"  {path.relative_to(root).as_posix()}")


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """A table for a person; plain columns when the output goes to a file or a pipe."""
    from rich.console import Console
    from rich.table import Table

    from course_lib.notebook.panels import text_table

    console = Console()
    if not console.is_terminal:
        typer.echo(text_table(head, rows))
        return
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    console.print(table)

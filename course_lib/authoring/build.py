"""Derive `exercises/NN_topic.ipynb` from `solutions/NN_topic.ipynb`, or say how the two differ.

Rule: building twice changes nothing, and a file that is already right is left alone, outputs included.
Left out: how a cell is derived (derive), outputs (execute).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_lib.authoring.derive import METADATA, derive_notebook, solution_metadata
from course_lib.errors import BuildError
from course_lib.grading.exercises import Course

FOLDERS = ("notebooks", "exercises", "solutions")


def read_notebook(path: Path) -> Any:
    """A notebook as nbformat 4. Raises BuildError when it can't be read."""
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except Exception as error:  # nbformat, json and jsonschema each raise their own
        raise BuildError(f"{path.parent.name}/{path.name} can't be read as a notebook: {error}") from error


def write_notebook(notebook: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def lessons_of(course: Course, wanted: list[str]) -> list[str]:
    """Names (`NN_topic`) of the wanted lessons, given as number or name; all that exist when none is named."""
    names = sorted({path.stem for folder in FOLDERS for path in (course.root / folder).glob("[0-9][0-9]_*.ipynb")})
    chosen = []
    for want in wanted:
        found = [name for name in names if want in (name, name[:2])]
        if not found:
            raise BuildError(f"there is no lesson {want!r}; there are {', '.join(names) or 'none'}")
        chosen += found
    return sorted(set(chosen)) if wanted else names


def notebooks_of(course: Course, lessons: list[str], folders: list[str]) -> list[Path]:
    """The notebooks of these lessons that exist in these folders."""
    paths = [course.root / folder / f"{lesson}.ipynb" for folder in folders for lesson in lessons]
    return [path for path in paths if path.exists()]


def build(course: Course, lesson: str) -> bool:
    """Derive one lesson's exercises; True when a file changed. Raises BuildError.

    The solution's cells are marked, too (`course.exercise`), so that the judge finds an answer without parsing, and
    so that nbgrader can make an assignment of the solution.
    """
    source, target = _pair(course, lesson)
    if not source.exists():
        if course.exercises(lesson):
            raise BuildError(f"exercises are declared for {lesson}, but solutions/{lesson}.ipynb is missing")
        return False
    solution = read_notebook(source)
    derived = derive_notebook(solution, course.exercises(lesson), f"solutions/{source.name}")
    changed = _settle(course, lesson, solution)
    if changed:
        write_notebook(solution, source)
    if not target.exists() or list(_differences(read_notebook(target), derived)):
        write_notebook(nbformat.from_dict(derived), target)  # type: ignore[no-untyped-call]
        changed = True
    return changed


def differences(course: Course, lesson: str) -> list[str]:
    """What `build` would change, a sentence each; outputs don't count. Raises BuildError as `build` does."""
    source, target = _pair(course, lesson)
    if not source.exists():
        return [f"exercises/{target.name} has no solutions/{source.name}"] if target.exists() else []
    solution = read_notebook(source)
    derived = derive_notebook(solution, course.exercises(lesson), f"solutions/{source.name}")
    found = [f"solutions/{source.name}: its metadata is not settled"] if _settle(course, lesson, solution) else []
    if not target.exists():
        return [*found, f"exercises/{target.name} is missing"]
    return found + [f"exercises/{target.name}{text}" for text in _differences(read_notebook(target), derived)]


def _pair(course: Course, lesson: str) -> tuple[Path, Path]:
    return course.root / "solutions" / f"{lesson}.ipynb", course.root / "exercises" / f"{lesson}.ipynb"


def _settle(course: Course, lesson: str, solution: Any) -> bool:
    """Bring the metadata of a solution notebook into its one form, in place; True when that changed it."""
    settled = solution_metadata(solution, course.exercises(lesson), f"solutions/{lesson}.ipynb")
    changed = bool(solution["metadata"] != METADATA)
    solution["metadata"] = nbformat.from_dict(METADATA)  # type: ignore[no-untyped-call]
    for cell, metadata in zip(solution["cells"], settled, strict=True):
        changed = changed or metadata != cell["metadata"]
        cell["metadata"] = nbformat.from_dict(metadata)  # type: ignore[no-untyped-call]
    return changed


def _differences(committed: Any, derived: Any) -> Iterator[str]:
    if committed["metadata"] != derived["metadata"]:
        yield ": the notebook's metadata differ"
    if len(committed["cells"]) != len(derived["cells"]):
        yield f": {len(committed['cells'])} cells, derived are {len(derived['cells'])}"
    for number, (old, new) in enumerate(zip(committed["cells"], derived["cells"], strict=False), 1):
        for part in ("cell_type", "id", "source", "metadata"):
            if old.get(part) != new.get(part):
                yield f", cell {number}: {part} differs"

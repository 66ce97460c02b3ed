"""From a solution notebook to the exercise notebook: values in, values out, no files.

Rule: an exercise is the code cell that defines it and holds a solution region (`### BEGIN SOLUTION` to
`### END SOLUTION`, nbgrader's convention; `///` in JavaScript). The region becomes a placeholder, everything else is
copied, and whatever a learner could stumble over is a BuildError that names notebook and cell.
Left out: reading, comparing and writing the files (build), outputs (execute).
"""

import ast
import copy
import re
from collections.abc import Sequence
from typing import Any

from course_lib.errors import BuildError
from course_lib.grading.exercises import Exercise
from course_lib.notebook.starters import defines

_MARKER = re.compile(r"^(?P<indent>\s*)(?P<mark>###|///) (?P<edge>BEGIN|END) SOLUTION\s*$")
_PLACEHOLDER = {
    "###": ["# your code here", "raise NotImplementedError"],
    "///": ["// your code here", 'throw new Error("not implemented");'],
}
_ANSWERS = ["# your answers here"]  # kinds that return verdicts or inputs: the starter returns {} and raises nothing

METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}

_KEPT = ("tags", "course", "nbgrader")
_NBGRADER = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}


def derive_source(source: str, kind: str, where: str) -> str:
    """`source` with each solution region replaced by the placeholder for an exercise of `kind`.

    Raises BuildError, beginning with `where`, for markers that are unbalanced, nested or share a line.
    """
    kept: list[str] = []
    opened: re.Match[str] | None = None
    for line in source.split("\n"):
        marker = _MARKER.match(line)
        if marker is None:
            if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
                raise BuildError(f"{where}: a marker stands alone on its line, this one does not: {line.strip()!r}")
            if opened is None:
                kept.append(line)
        elif marker["edge"] == "BEGIN":
            if opened is not None:
                raise BuildError(f"{where}: BEGIN SOLUTION inside a solution region; end the first one before it")
            opened = marker
        else:
            if opened is None:
                raise BuildError(f"{where}: END SOLUTION without a BEGIN SOLUTION before it")
            if (marker["mark"], marker["indent"]) != (opened["mark"], opened["indent"]):
                raise BuildError(f"{where}: BEGIN and END SOLUTION should look alike and have the same indentation")
            answers = kind in ("break", "review")
            if not opened["indent"] and not answers:
                raise BuildError(f"{where}: a region at top level would stop the notebook; put it inside the function")
            kept += [opened["indent"] + text for text in (_ANSWERS if answers else _PLACEHOLDER[opened["mark"]])]
            opened = None
    if opened is not None:
        raise BuildError(f"{where}: BEGIN SOLUTION without an END SOLUTION after it")
    return "\n".join(kept)


def derive_notebook(solution: dict[str, Any], exercises: Sequence[Exercise], name: str) -> dict[str, Any]:
    """The exercise notebook (nbformat 4 as plain dicts, sources as str) of one lesson, without outputs.

    `exercises`: those declared for the lesson. `name`: of the solution notebook, for messages. Raises BuildError.
    """
    derived = copy.deepcopy(solution)
    derived["metadata"] = copy.deepcopy(METADATA)
    places = exercise_cells(solution, exercises, name)
    settled = solution_metadata(solution, exercises, name)
    for index, (cell, metadata) in enumerate(zip(derived["cells"], settled, strict=True)):
        where = f"{name}, cell {index + 1}"
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        if index in places:
            exercise = places[index]
            cell["source"] = derive_source(cell["source"], exercise.kind, f"{where} ({exercise.id})")
            _must_parse(cell["source"], f"{where} ({exercise.id})")
            metadata["course"] = {"exercise": exercise.id, "starter": cell["source"]}
        elif "BEGIN SOLUTION" in cell["source"] or "END SOLUTION" in cell["source"]:
            raise BuildError(f"{where}: a solution marker outside the code cell of an exercise")
        cell["metadata"] = metadata
    return derived


def exercise_cells(solution: dict[str, Any], exercises: Sequence[Exercise], name: str) -> dict[int, Exercise]:
    """Index of the cell that answers each exercise. Raises BuildError unless they match one to one."""
    places: dict[int, Exercise] = {}
    for index, cell in enumerate(solution["cells"]):
        if cell["cell_type"] != "code":
            continue
        where = f"{name}, cell {index + 1}"
        defined = [exercise for exercise in exercises if defines(cell["source"], exercise.id)]
        if "BEGIN SOLUTION" in cell["source"] and len(defined) != 1:
            found = ", ".join(exercise.id for exercise in defined) or "none"
            raise BuildError(f"{where}: a cell with a solution defines one declared exercise, this one {found}")
        if not defined:
            continue
        if "BEGIN SOLUTION" not in cell["source"]:
            raise BuildError(f"{where}: defines {defined[0].id} without a solution region")
        if defined[0] in places.values():
            raise BuildError(f"{where}: {defined[0].id} is answered twice")
        if (noted := cell["metadata"].get("course", {}).get("exercise", defined[0].id)) != defined[0].id:
            raise BuildError(f"{where}: its metadata says {noted}, it defines {defined[0].id}")
        places[index] = defined[0]
    for exercise in exercises:
        if exercise not in places.values():
            raise BuildError(f"{name}: {exercise.id} is declared for this lesson, but no cell answers it")
        for call in ("check", "hint"):
            _calling_cell(solution, call, exercise.id, name)
    return places


def _calling_cell(solution: dict[str, Any], call: str, id: str, name: str) -> int:
    """Index of the first code cell that begins with `check("id")`, or another call. Raises BuildError without one."""
    for index, cell in enumerate(solution["cells"]):
        if cell["cell_type"] == "code" and re.match(rf"{call}\([\"']{id}[\"']\)", cell["source"]):
            return index
    raise BuildError(f'{name}: {id} has no cell {call}("{id}")')


def settled_metadata(cell: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a cell's metadata when it is run. A cell never executed is not compared either."""
    kept = {key: copy.deepcopy(cell["metadata"][key]) for key in _KEPT if cell["metadata"].get(key)}
    if "skip-execution" in kept.get("tags", []) and "nbval-skip" not in kept["tags"]:
        kept["tags"].append("nbval-skip")
    return kept


def solution_metadata(solution: dict[str, Any], exercises: Sequence[Exercise], name: str) -> list[dict[str, Any]]:
    """The metadata of each cell in its one form: tags, the exercise that it answers, and what nbgrader reads.

    nbgrader's points are those of the visible checks: `check` runs no others. Raises BuildError.
    """
    settled = [settled_metadata(cell) for cell in solution["cells"]]
    for metadata in settled:
        metadata.pop("nbgrader", None)
    for index, exercise in exercise_cells(solution, exercises, name).items():
        settled[index]["course"] = {"exercise": exercise.id}
        settled[index]["nbgrader"] = {**_NBGRADER, "grade_id": exercise.id, "solution": True}
        graded = {"grade_id": f"check_{exercise.id}", "points": exercise.points(hidden=False)}
        check = _calling_cell(solution, "check", exercise.id, name)
        settled[check]["nbgrader"] = {**_NBGRADER, **graded, "grade": True, "locked": True}
    return settled


def _must_parse(source: str, where: str) -> None:
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise BuildError(f"{where}: without its solution the cell is no Python: {error}") from error

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
    for index, cell in enumerate(derived["cells"]):
        where = f"{name}, cell {index + 1}"
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        metadata = settled_metadata(cell)
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
    sources = [cell["source"] for cell in solution["cells"] if cell["cell_type"] == "code"]
    for exercise in exercises:
        if exercise not in places.values():
            raise BuildError(f"{name}: {exercise.id} is declared for this lesson, but no cell answers it")
        for call in ("check", "hint"):
            if not any(re.match(rf"{call}\([\"']{exercise.id}[\"']\)", source) for source in sources):
                raise BuildError(f'{name}: {exercise.id} has no cell {call}("{exercise.id}")')
    return places


def settled_metadata(cell: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a cell's metadata: tags and the course's own. A cell never executed is not compared either."""
    kept = {key: copy.deepcopy(cell["metadata"][key]) for key in ("tags", "course") if cell["metadata"].get(key)}
    if "skip-execution" in kept.get("tags", []) and "nbval-skip" not in kept["tags"]:
        kept["tags"].append("nbval-skip")
    return kept


def _must_parse(source: str, where: str) -> None:
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise BuildError(f"{where}: without its solution the cell is no Python: {error}") from error

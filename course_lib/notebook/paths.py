"""Where the course keeps what a learner did: `.course/` in the course folder, or COURSE_STATE.

Rule: one place decides each path. Left out: the exercises' own files (grading.exercises knows them).
"""

import os
from pathlib import Path

from course_lib.grading.exercises import Course, Exercise


def state_folder(course: Course) -> Path:
    """The folder for progress and backups; it need not exist yet."""
    return Path(os.environ.get("COURSE_STATE") or course.root / ".course").resolve()


def progress_file(course: Course) -> Path:
    return state_folder(course) / "progress.sqlite3"


def backup_folder(course: Course) -> Path:
    return state_folder(course) / "backup"


def exercise_of(course: Course, id: object) -> Exercise:
    """The exercise that a learner names, by its id or by the function itself. Raises ExerciseError."""
    return course.exercise(id if isinstance(id, str) else getattr(id, "__name__", repr(id)))


def lesson_names(course: Course) -> list[str]:
    """All lessons in order, as `NN_topic`: whatever has a lesson notebook, questions or exercises."""
    found = {path.stem for path in (course.root / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    found |= {path.stem for path in (course.root / "notebooks" / "questions").glob("[0-9][0-9]_*.toml")}
    return sorted(found | {exercise.lesson for exercise in course.exercises()})

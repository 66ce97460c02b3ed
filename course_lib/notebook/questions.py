"""The questions of the lessons: `notebooks/questions/NN_topic.toml`, read and checked.

Rule: a wrong file is an ExerciseError that names the file and the question. Left out: asking (ask) and storing (store).
"""

import difflib
import re
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import ExerciseError

_FIELDS = {"id": str, "question": str, "choices": list, "answer": int, "why": str}


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its choices; `answer` is the index of the true one."""

    id: str  # "03.crlf": lesson number and the id in the file
    question: str
    choices: tuple[str, ...]
    answer: int
    why: str

    @property
    def truth(self) -> str:
        return self.choices[self.answer]


@dataclass(frozen=True, slots=True)
class Questions:
    """All questions of one lesson."""

    lesson: str
    predict: tuple[Question, ...]
    quiz: tuple[Question, ...]


def load_questions(root: Path) -> dict[str, Questions]:
    """The questions of a course folder by lesson number ("03"). Raises ExerciseError for the first wrong file."""
    found: dict[str, Questions] = {}
    for path in sorted((root / "notebooks" / "questions").glob("*.toml")):
        questions = read_questions(path)
        number = questions.lesson[:2]
        if number in found:
            raise ExerciseError(f"{path.name}: lesson {number} already has {found[number].lesson}.toml; keep one file")
        found[number] = questions
    return found


def read_questions(path: Path) -> Questions:
    """One file, checked. Raises ExerciseError."""
    if not re.fullmatch(r"\d\d_\w+", path.stem):
        raise ExerciseError(f"{path.name}: a question file is called NN_topic.toml like its lesson")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExerciseError(f"{path.name}: this is not TOML: {error}") from error
    if unknown := sorted(set(content) - {"predict", "quiz"}):
        raise ExerciseError(f"{path.name}: [[predict]] and [[quiz]] are known, {unknown[0]!r} is not")
    groups: dict[str, tuple[Question, ...]] = {}
    for kind in ("predict", "quiz"):
        entries = content.get(kind, [])
        if not isinstance(entries, list):
            raise ExerciseError(f"{path.name}: write [[{kind}]] with double brackets, once per question")
        asked = tuple(_question(entry, path.stem[:2], f"{path.name}, {kind} {n}") for n, entry in enumerate(entries, 1))
        ids = [question.id for question in asked]
        if repeated := [id for id in ids if ids.count(id) > 1]:
            raise ExerciseError(f"{path.name}: two {kind} questions are called {repeated[0][3:]!r}")
        groups[kind] = asked
    return Questions(path.stem, groups["predict"], groups["quiz"])


def _question(entry: dict[str, Any], number: str, where: str) -> Question:
    if isinstance(entry.get("id"), str):
        where = f"{where} ({entry['id']})"
    if wrong := sorted(set(entry) ^ set(_FIELDS)):
        state = "missing" if wrong[0] in _FIELDS else "unknown"
        raise ExerciseError(f"{where}: field {wrong[0]!r} is {state}; a question has {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(entry[name]) is not kind:
            raise ExerciseError(f"{where}: {name} should be {kind.__name__}, it is {entry[name]!r}")
    id, choices, answer = entry["id"], entry["choices"], entry["answer"]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", id):
        raise ExerciseError(f"{where}: an id is lower case letters, digits and underscores, this is {id!r}")
    for name in ("question", "why"):
        if not entry[name].strip():
            raise ExerciseError(f"{where}: {name} is empty")
    if not all(isinstance(choice, str) and choice.strip() for choice in choices) or not 2 <= len(choices) <= 8:
        raise ExerciseError(f"{where}: choices should be two to eight texts, none empty")
    if len(set(choices)) < len(choices):
        raise ExerciseError(f"{where}: two choices are the same")
    if not 0 <= answer < len(choices):
        raise ExerciseError(f"{where}: answer should be 0 to {len(choices) - 1} (an index from 0), it is {answer}")
    return Question(f"{number}.{id}", entry["question"].strip(), tuple(choices), answer, entry["why"].strip())


def find_prediction(root: Path, id: str) -> Question:
    """The prediction question `id`, such as "03.crlf"."""
    known = {question.id: question for lesson in load_questions(root).values() for question in lesson.predict}
    if id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, 3, 0.5) or sorted(known) or ["none yet"]
    raise ExerciseError(
        f"no prediction is called {id!r}; known are {', '.join(near)} (notebooks/questions/NN_topic.toml)"
    )


def number_of(lesson: object) -> str:
    """Its two digits, of "03", "03_sse_format" or 3. Raises ExerciseError."""
    if found := re.match(r"\d{1,2}(?!\d)", str(lesson)):
        return f"{int(found[0]):02}"
    raise ExerciseError(f'a lesson is named by its number, such as "03"; got {lesson!r}')


def lesson_quiz(root: Path, lesson: str) -> Questions:
    """The questions of `lesson`, given as "03", "03_sse_format" or 3."""
    known = load_questions(root)
    if (number := number_of(lesson)) in known:
        return known[number]
    raise ExerciseError(f"lesson {lesson!r} has no questions; there are some for {', '.join(known) or 'no lesson yet'}")


def recall_questions(root: Path, lesson: str, count: int = 3) -> tuple[Question, ...]:
    """Up to `count` quiz questions from lessons n-1, n-3 and n-6, always the same ones for a lesson.

    A lesson that does not exist leaves its place to the others, so early lessons may get fewer.
    """
    known, lesson = load_questions(root), number_of(lesson)
    number = int(lesson)
    sources = [known[f"{n:02}"].quiz for n in (number - 1, number - 3, number - 6) if f"{n:02}" in known]
    # Another order for each lesson, so that a question that was recalled once is not the first one again.
    decks = [sorted(quiz, key=lambda q: zlib.crc32(f"{lesson}:{q.id}".encode())) for quiz in sources]
    drawn = [deck[turn] for turn in range(count) for deck in decks if turn < len(deck)]
    return tuple(drawn[:count])

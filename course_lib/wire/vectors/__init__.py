"""The conformance vectors of the event stream, as data: what a decoder must make of which bytes.

Rule: expected values follow WHATWG HTML 9.2.5 and 9.2.6, and a browser confirmed each one. `sse.json` beside this file
describes its own format. Left out: running them; tests, lessons and checks do that with the decoder they look at.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from course_lib.wire.sse import ServerSentEvent


@dataclass(frozen=True, slots=True)
class Vector:
    """One stream and what must come of it, however its bytes are cut.

    `why` names the rule of the standard. `graded` is False where the standard is silent. `disagree` says what known
    implementations do instead, by name and version; the entry "disagree" of the file's "format" explains the forms.
    """

    name: str
    group: str
    why: str
    stream: bytes
    events: tuple[ServerSentEvent, ...]
    last_event_id: str
    retry: int | None
    graded: bool
    disagree: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.group}/{self.name}: {self.stream!r}"


@cache
def load() -> tuple[Vector, ...]:
    """All vectors, in the order of the file."""
    text = resources.files(__package__).joinpath("sse.json").read_text(encoding="utf-8")
    return tuple(_vector(entry) for entry in json.loads(text)["vectors"])


def _vector(entry: dict[str, Any]) -> Vector:
    return Vector(
        name=entry["name"],
        group=entry["group"],
        why=entry["why"],
        stream=entry["bytes"].encode("latin-1"),
        events=tuple(ServerSentEvent(**event) for event in entry["events"]),
        last_event_id=entry["final_last_event_id"],
        retry=entry["retry"],
        graded=entry.get("graded", True),
        disagree=MappingProxyType(entry.get("disagree", {})),
    )

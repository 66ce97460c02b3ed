"""A scripted language model: a text, a seed and a pace become a sequence of (delay, token).

Rule: no clock and no sleep in here. The caller sleeps (an app) or only adds up (a test), so the same
model gives the same answer everywhere. Tokens are words with the space before them, punctuation and
line ends, as a tokenizer of a real model would cut them; joined they are the text, exactly.
Left out: the prompt. It is never read, only counted for `usage`.
"""

import functools
import json
import math
import operator
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from course_lib.errors import MisuseError

DEFAULT_TEXT = (
    "Streaming does not make a model faster. It makes the wait shorter: the first words arrive while "
    "the last ones are still being thought of. ☕\nA reader in a café starts at once. 👍"
)

_TOKEN = re.compile(r" ?\w+| ?[^\w\s]+|\s")  # every character falls into one of the three


def tokenize(text: str) -> list[str]:
    """Cut a text into tokens; `"".join(tokenize(text)) == text` for every text."""
    return _TOKEN.findall(text)


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """Answers every prompt with `text`.

    pace: seconds per token. jitter: how far a delay may leave the pace, as a share of it (0 to 1),
    drawn from `seed`. slow_start: extra seconds before the first token.
    Raises MisuseError for a negative or endless time, a jitter outside 0 to 1, or a seed that is no whole number.
    """

    text: str = DEFAULT_TEXT
    seed: int = field(default=0, kw_only=True)
    pace: float = field(default=0.05, kw_only=True)
    jitter: float = field(default=0.0, kw_only=True)
    slow_start: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise MisuseError(f"a model needs a text to say, a str; got {self.text!r}")
        if not isinstance(self.seed, int):
            raise MisuseError(f"seed is a whole number; got {self.seed!r}")
        for name, most in (("pace", math.inf), ("jitter", 1), ("slow_start", math.inf)):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= most or math.isinf(value):
                unit = "a share of the pace from 0 to 1" if name == "jitter" else "seconds, 0 or more"
                raise MisuseError(f"{name} is {unit}; got {value!r}")

    def tokens(self, max_tokens: int | None = None) -> list[str]:
        """The tokens of the answer, at most `max_tokens` of them."""
        return tokenize(self.text)[: _limit(max_tokens)]

    def steps(self, max_tokens: int | None = None) -> Iterator[tuple[float, str]]:
        """Yield (seconds to wait before this token, token)."""
        return self._timed(self.tokens(max_tokens))

    def finish_reason(self, max_tokens: int | None = None) -> str:
        """`"length"` when `max_tokens` cuts the answer off, else `"stop"`."""
        limit = _limit(max_tokens)
        return "stop" if limit is None or limit >= len(tokenize(self.text)) else "length"

    def arguments(self, schema: dict[str, Any]) -> str:
        """Arguments for a tool, as JSON text that fits its JSON schema: types, references, the first of alternatives.

        Limits of numbers and lengths are not heeded. KeyError for a reference to nothing, RecursionError for an
        endless one.
        """
        return json.dumps(_example(schema, schema), ensure_ascii=False)

    def argument_steps(self, schema: dict[str, Any]) -> Iterator[tuple[float, str]]:
        """Like `steps`, for the text of `arguments(schema)`."""
        return self._timed(tokenize(self.arguments(schema)))

    def _timed(self, tokens: list[str]) -> Iterator[tuple[float, str]]:
        rng = random.Random(self.seed)  # noqa: S311 - reproducible on purpose, no secret
        for number, token in enumerate(tokens):
            delay = self.pace * (1 + self.jitter * rng.uniform(-1, 1))
            yield (delay if number else self.slow_start + delay), token


def _limit(max_tokens: int | None) -> int | None:
    if max_tokens is not None and (isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1):
        raise MisuseError(f"max_tokens is a whole number from 1, or None for no limit; got {max_tokens!r}")
    return max_tokens


def _example(schema: Any, root: Any) -> Any:
    """The smallest sensible value that a JSON schema allows; its references are places in `root`."""
    schema = schema if isinstance(schema, dict) else {}
    if "$ref" in schema:  # such as "#/$defs/Place"
        return _example(functools.reduce(operator.getitem, schema["$ref"].split("/")[1:], root), root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "null"
    if kind == "object":
        return {name: _example(inner, root) for name, inner in schema.get("properties", {}).items()}
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for alternatives in filter(None, map(schema.get, ("anyOf", "oneOf", "allOf"))):
        return _example(alternatives[0], root)
    simple = {"string": "Zürich", "integer": 7, "number": 1.5, "boolean": True, "null": None}
    return [_example(schema.get("items"), root)] if kind == "array" else simple.get(kind)

"""Plain values on the judge's pipe: to JSON and back, and compared with their types.

Rule: only exact plain types cross (None, bool, int, float, str, bytes, list, dict). Everything else
stays where it is and crosses as a handle: a number, a kind and a type name. Nothing is pickled or
evaluated, and what comes back is checked, because the other side may be hostile.
Left out: tuples, sets, subclasses. A `list` subclass whose `__eq__` says yes is no list here.
"""

from __future__ import annotations

import base64
import math

from course_lib.errors import PipeError

TYPE_CHECKING = False  # typing itself costs a sandboxed process 7 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_DEPTH = 100
MAX_NUMBER_KEYS = 200  # of a dict: numbers can be chosen so that all fall into one place of the hash table
_JSON_INT = 2**63  # larger ones travel as hexadecimal: Python limits decimal digits, and JSON parsers differ


class Handle:
    """A thing that stays on the other side: its number there, its kind, and its type's name for messages."""

    __slots__ = ("kind", "number", "type")

    def __init__(self, number: int, kind: str, type: str) -> None:
        self.number, self.kind, self.type = number, kind, type  # kind: callable | iterator | object

    def __repr__(self) -> str:
        return f"<{self.type} object>"


def dump(value: Any, keep: Callable[[Any], Handle] | None = None, depth: int = 0) -> Any:
    """`value` as something `json.dumps` takes. What is not plain goes to `keep`, which gives its handle.

    Raises PipeError for a value nested deeper than MAX_DEPTH (a circular one, too), and for one that is
    not plain when there is no `keep`.
    """
    kind = type(value)
    if kind is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates: JSON would pair neighbours up
            return {"u": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}
        return value
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -_JSON_INT < value < _JSON_INT else {"i": hex(value)}
    if kind is bytes:
        return {"b": base64.b64encode(value).decode()}
    if depth >= MAX_DEPTH:
        raise PipeError(f"a value is nested deeper than {MAX_DEPTH} levels (does it contain itself?)")
    if kind is list:
        return [dump(item, keep, depth + 1) for item in value]
    if kind is dict:
        return {"d": [[dump(k, keep, depth + 1), dump(v, keep, depth + 1)] for k, v in value.items()]}
    if kind is Handle:
        return {"h": [value.number, value.kind, value.type]}
    if keep is None:
        raise PipeError(f"only plain values cross the pipe, not {kind.__name__}")
    return dump(keep(value), None, depth)


def load(raw: Any, depth: int = 0) -> Any:
    """The value that `dump` wrote. Raises PipeError for anything else."""
    if raw is None or isinstance(raw, (bool, int, float, str)):
        return raw
    if depth >= MAX_DEPTH + 1:
        raise PipeError(f"a value on the pipe is nested deeper than {MAX_DEPTH} levels")
    if isinstance(raw, list):
        return [load(item, depth + 1) for item in raw]
    if isinstance(raw, dict) and len(raw) == 1:
        ((tag, body),) = raw.items()
        try:
            if tag == "d":
                if sum(not isinstance(key, str) for key, _ in body) > MAX_NUMBER_KEYS:
                    raise PipeError(f"a dict with more than {MAX_NUMBER_KEYS} keys that are no text")
                return {load(k, depth + 1): load(v, depth + 1) for k, v in body}
            if tag == "b":
                return base64.b64decode(body, validate=True)
            if tag == "u":
                return base64.b64decode(body, validate=True).decode("utf-8", "surrogatepass")
            if tag == "i":
                return int(body, 16)
            if tag == "h":
                number, kind, name = body
                if type(number) is int and type(kind) is str and type(name) is str:
                    return Handle(number, kind, name[:100])
        except (TypeError, ValueError) as error:
            raise PipeError(f"a value on the pipe cannot be read: {error}") from error
    raise PipeError("a value on the pipe has an unknown form")


def same(left: Any, right: Any) -> bool:
    """Equality with types: True is not 1, 1 is not 1.0; floats agree within one part in a billion, NaN with NaN."""
    a, b = plain_type(left), plain_type(right)
    if a is not b:
        return False
    if a is float:
        return math.isclose(left, right, rel_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    if a is list:
        if len(left) != len(right):
            return False
        kinds = {getattr(kind, "_plain", kind) for kind in {*map(type, left), *map(type, right)}}
        if len(kinds) == 1 and kinds <= {int, str, bytes}:  # the usual long list: four times as fast
            return all(map(_PLAIN_EQUAL[kinds.pop()], left, right))
        return all(map(same, left, right))
    if a is dict:
        return (
            len(left) == len(right)
            and all(key in right and same(left[key], right[key]) for key in left)
            and {(plain_type(key), key) for key in left} == {(plain_type(key), key) for key in right}
        )
    if a is bool:
        return bool(left) is bool(right)
    if a in _STRICT:
        return _PLAIN_EQUAL[a](left, right) is True  # the plain comparison: the strict class would come back here
    return bool(left == right)


def plain_type(value: Any) -> type:
    """The plain type that a value stands for: StrictList and list are both list."""
    return getattr(type(value), "_plain", type(value))


class _Strict:
    """Mixed into a plain type: compares through `same`, so that `assert f() == 1` fails for True.

    It has to stand on the left: with `True == f()` Python asks bool first, and bool knows no strictness.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    def __ne__(self, other: object) -> bool:
        return not same(self, other)


def _strict_class(base: type) -> Any:
    body: dict[str, Any] = {"_plain": base, "__repr__": base.__repr__, "__hash__": base.__hash__}
    return type(base.__name__, (_Strict, base), body)  # the plain name: learners read it in messages


_STRICT: dict[type, Any] = {kind: _strict_class(kind) for kind in (int, float, str, bytes, list, dict)}


_PLAIN_EQUAL: dict[type, Any] = {kind: kind.__eq__ for kind in _STRICT}


class StrictBool(int):
    """A bool that is not equal to 1 or 0 (bool itself cannot be subclassed)."""

    _plain = bool
    __hash__ = int.__hash__

    def __repr__(self) -> str:
        return "True" if self else "False"

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    def __ne__(self, other: object) -> bool:
        return not same(self, other)


StrictBool.__name__ = "bool"


def strict(value: Any) -> Any:
    """A copy of a plain value whose `==` compares types as well, at every level."""
    kind = type(value)
    if kind is list:
        kinds = set(map(type, value))
        if len(kinds) == 1 and kinds <= {int, str, bytes}:
            return _STRICT[list](map(_STRICT[kinds.pop()], value))
        return _STRICT[list](map(strict, value))
    if kind is dict:
        return _STRICT[dict]((key, strict(item)) for key, item in value.items())
    if kind is bool:
        return StrictBool(value)
    return _STRICT[kind](value) if kind in _STRICT else value

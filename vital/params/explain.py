"""What is wrong with a block, in a line for each key: its name, its value, and what is legal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

from vital.errors import nearest

RULE = "rule"
"""The type of problems that a block's own validators find."""

_MOST_SHOWN = 80

_KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "above {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "below {}"),
    "less_than_equal": ("le", "at most {}"),
    "literal_error": ("expected", "{}"),
    "too_short": ("min_length", "at least {} long"),
    "too_long": ("max_length", "at most {} long"),
    "string_too_short": ("min_length", "text of at least {} character"),
    "string_pattern_mismatch": ("pattern", "text that the pattern {} describes"),
}


@dataclass(frozen=True)
class _Place:
    """Where in a block a problem is: the parts of its name, and what is expected there."""

    parts: tuple[str | int, ...]
    annotation: Any


def explain(error: ValidationError, block: str, kind: type[BaseModel]) -> list[str]:
    """A line for each key of ``block`` that cannot be used."""
    found: dict[tuple[str | int, ...], list[Any]] = {}
    for problem in error.errors():
        place = _find(kind, problem["loc"])
        too_few = problem["type"] == "missing" and isinstance(place.parts[-1], int)
        found.setdefault(place.parts[:-1] if too_few else place.parts, []).append(problem)
    return [
        _line(_key(block, parts), kind, problems)
        for parts, problems in found.items()
        if not any(_is_below(other, parts) for other in found)
    ]


def _is_below(parts: Sequence[str | int], others: Sequence[str | int]) -> bool:
    """Whether a place lies in another: an alternative to a list with problems is none to say."""
    return len(parts) > len(others) and parts[: len(others)] == others


def _key(block: str, parts: Sequence[str | int]) -> str:
    return ".".join([block, *map(str, parts)] if block else map(str, parts))


def _line(key: str, kind: type[BaseModel], problems: Sequence[Any]) -> str:
    first = problems[0]
    if first["type"] == "extra_forbidden":
        legal = _legal_keys(_find(kind, first["loc"][:-1]).annotation)
        return f"unknown parameter {key}; {nearest(str(first['loc'][-1])[:_MOST_SHOWN], legal)}"
    if first["type"] == RULE:
        return f"{key} {first['msg']}".strip()
    if first["type"] == "missing" and not isinstance(first["loc"][-1], int):
        return f"parameter {key} is missing"
    legal = list(dict.fromkeys(map(_expected, problems)))
    beginning = f"{key}: " if key else ""
    return f"{beginning}{shown(first['input'])} cannot be used: it must be {' or '.join(legal)}"


def _expected(problem: Any) -> str:
    """What would be legal."""
    kind = problem["type"]
    if kind == "missing":
        return "longer"
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        bound = problem["ctx"][name]
        return words.format(f"{bound:g}" if isinstance(bound, float) else bound)
    return str(problem["msg"]).removeprefix("Input should be ")


def shown(value: Any) -> str:
    """A value as Python writes it, the beginning of a long one."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def without_lengths(text: str) -> str:
    """A sentence with the beginnings of the long values that it quotes."""
    return re.sub(rf"'([^']{{{_MOST_SHOWN}}})[^']+'", r"'\1...'", text)


def _find(kind: type[BaseModel], loc: Sequence[str | int]) -> _Place:
    """A place as people name it: pydantic also names which alternative it tried there."""
    annotation: Any = kind
    parts: list[str | int] = []
    for part in loc:
        alternatives = list(_alternatives(annotation))
        if len(alternatives) > 1:
            annotation = _tried(alternatives, str(part))
        else:
            parts.append(part)
            annotation = _within(alternatives[0], part) if alternatives else Any
    return _Place(tuple(parts), annotation)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The kinds that are legal at a place, besides nothing."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _alternatives(one)
    elif isinstance(annotation, type) and issubclass(annotation, RootModel):
        yield from _alternatives(annotation.model_fields["root"].annotation)
    elif annotation is not type(None):
        yield annotation


def _tried(alternatives: Sequence[Any], tag: str) -> Any:
    """The alternative that pydantic names so, as in ``function-after[check(), tuple[str]]``."""
    for one in alternatives:
        if str(getattr(get_origin(one) or one, "__name__", "")) in tag:
            return one
    return Any


def _within(annotation: Any, part: str | int) -> Any:
    """What is expected at a key of a block or of a mapping, or at a place of a list."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return Any if field is None else field.annotation
    if get_origin(annotation) is dict:
        return arguments[1]
    if get_origin(annotation) is tuple and isinstance(part, int):
        return arguments[0 if arguments[-1] is Ellipsis else min(part, len(arguments) - 1)]
    return Any


def _legal_keys(annotation: Any) -> list[str]:
    """The keys of the block that is expected at a place."""
    for one in _alternatives(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return list(one.model_fields)
    return []

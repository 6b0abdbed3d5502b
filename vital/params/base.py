"""How params.yaml is read and checked. The only reader of that file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vital.errors import ParamsError, nearest

BLOCKS = (
    "seed", "data", "model", "units", "extract", "references", "relevance", "methods", "visualize",
    "peers", "judges", "score", "report",
)  # fmt: skip

_RULE = "rule"
"""The type of problems that a block's own validators find."""

Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Block(BaseModel):
    """A block of params.yaml: frozen, strictly typed, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


BlockType = TypeVar("BlockType", bound=BaseModel)
"""A block, or for a block that is a list a RootModel of it."""


def read_params(path: Path) -> dict[str, Any]:
    """Read params.yaml as plain data and refuse unknown or missing blocks.

    Raises ParamsError when the file is missing, is no YAML, or names a block that does not exist.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist") from None
    except YAMLError as error:
        raise ParamsError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{path} must hold blocks named {', '.join(BLOCKS)}")
    for name in content:
        if name not in BLOCKS:
            raise ParamsError(f"{path}: unknown block {name!r}; {nearest(str(name), BLOCKS)}")
    missing = [name for name in BLOCKS if name not in content]
    if missing:
        raise ParamsError(f"{path}: block {missing[0]!r} is missing")
    return content


def read_seed(content: dict[str, Any]) -> int:
    """The run's seed: a whole number of at least 0."""
    seed = content["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParamsError(f"seed: {seed!r} must be a whole number of at least 0")
    return seed


def read_block(content: dict[str, Any], name: str, kind: type[BlockType]) -> BlockType:
    """Check one block against its type.

    Raises ParamsError that names every bad key, its value and what would be legal.
    """
    empty: Any = [] if issubclass(kind, RootModel) else {}
    return check_block(content[name] if content[name] is not None else empty, name, kind)


def check_block(values: Any, name: str, kind: type[BlockType]) -> BlockType:
    """As :func:`read_block`, for values that do not come from a file."""
    try:
        # Strict types are read from JSON: YAML's lists become tuples, but "3" does not become 3.
        return kind.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        lines = [_explain(problem, name, kind) for problem in error.errors()]
        raise ParamsError("\n".join(lines)) from None


def rule_error(text: str) -> PydanticCustomError:
    """For a block's validators to raise: ``text`` goes on from the name of the key."""
    return PydanticCustomError(_RULE, "{text}", {"text": text})


def _explain(problem: Any, block: str, kind: type[BaseModel]) -> str:
    key = ".".join([block, *(str(part) for part in problem["loc"])])
    if problem["type"] == "extra_forbidden":
        legal = _legal_keys(kind, problem["loc"][:-1])
        return f"unknown parameter {key}; {nearest(str(problem['loc'][-1]), legal)}"
    if problem["type"] == "missing":
        return f"parameter {key} is missing"
    if problem["type"] == _RULE:
        return f"{key} {problem['msg']}"
    return f"{key}: {problem['input']!r} cannot be used: {problem['msg']}"


def _legal_keys(kind: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    if issubclass(kind, RootModel):
        path = ("root", *path)
    for part in path:
        if isinstance(part, int):  # a place in a list, whose block is known by now
            continue
        field = kind.model_fields.get(part)
        inner = _block_within(field.annotation) if field is not None else None
        if inner is None:
            return []
        kind = inner
    return list(kind.model_fields)


def _block_within(annotation: Any) -> type[Block] | None:
    """The block that an annotation such as ``Block``, ``Block | None`` or a tuple of it names."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Block):
            return candidate
    return None

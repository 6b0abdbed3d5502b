"""How params.yaml is read and checked. The only reader of that file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, ValidationError
from pydantic_core import PydanticCustomError

from vital.errors import ParamsError, nearest
from vital.params.explain import RULE, explain, shown, without_lengths
from vital.params.plain import plain
from vital.params.yaml_file import read_yaml

BLOCKS = (
    "seed", "data", "model", "units", "extract", "references", "relevance", "methods", "visualize",
    "peers", "judges", "score", "report",
)  # fmt: skip

MOST = 10**9
"""More of anything is a slip of the keyboard."""

HUGE, TINY = 1e30, 1e-30
"""What is larger is infinite in float32, what is smaller nothing."""

Positive = Annotated[int, Field(gt=0, le=MOST)]
Natural = Annotated[int, Field(ge=0, le=MOST)]
PositiveFloat = Annotated[float, Field(ge=TINY, le=HUGE, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=HUGE, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Seeds = Annotated[int, Field(gt=0, le=10_000)]
"""Images per unit, which are all in memory before they are made."""

MOST_PIXELS = 16_384
Side = Annotated[int, Field(ge=16, le=MOST_PIXELS)]
"""Of an image, in pixels."""
Pixels = Annotated[int, Field(ge=0, le=MOST_PIXELS)]
"""A distance within an image."""
Pool = Annotated[int, Field(ge=2, le=MOST_PIXELS)]
"""How many pixels, by as many, are averaged."""
BatchSize = Annotated[int, Field(gt=0, le=65_536)]
Text = Annotated[str, Field(min_length=1)]
"""The name of something: none is called nothing."""


class Block(BaseModel):
    """A block of params.yaml: frozen, strictly typed, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


BlockType = TypeVar("BlockType", bound=BaseModel)
"""A block, or for a block that is a list a RootModel of it."""


def rule_error(text: str) -> PydanticCustomError:
    """For a block's validators to raise: ``text`` goes on from the name of the key.

    Of long values that it quotes the beginning is shown.
    """
    return PydanticCustomError(RULE, "{text}", {"text": without_lengths(text)})


def all_differ(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """For lists: raise a rule error where something is named twice."""
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise rule_error(f"names {value!r} more than once")
        seen.add(value)
    return values


Names = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(all_differ)]
"""Some names, none of them twice."""
Classes = Annotated[tuple[Text | Natural, ...], Field(min_length=1), AfterValidator(all_differ)]
"""Some classes, by name or index."""


def read_params(path: Path) -> dict[str, Any]:
    """Read params.yaml as plain data and refuse unknown or missing blocks.

    Raises ParamsError when the file is missing, is no YAML, or names a block that does not exist.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ParamsError(f"{path} must hold blocks named {', '.join(BLOCKS)}")
    problems = unknown_blocks(content, path)
    problems += [f"{path}: block {name!r} is missing" for name in BLOCKS if name not in content]
    if problems:
        raise ParamsError("\n".join(problems))
    return content


def unknown_blocks(content: dict[Any, Any], path: Path) -> list[str]:
    """What is wrong with the names of the blocks in a file; those that are missing aside."""
    return [
        f"{path}: unknown block {shown(name)}; {nearest(str(name), BLOCKS)}"
        for name in content
        if name not in BLOCKS
    ]


def read_seed(content: dict[str, Any]) -> int:
    """The run's seed: a whole number of at least 0."""
    seed = plain(content["seed"], "seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParamsError(f"seed: {shown(seed)} must be a whole number of at least 0")
    return seed


def read_block(content: dict[str, Any], name: str, kind: type[BlockType]) -> BlockType:
    """Check one block against its type.

    Raises ParamsError that names every bad key, its value and what would be legal.
    """
    empty: Any = [] if issubclass(kind, RootModel) else {}
    return check_block(content[name] if content[name] is not None else empty, name, kind)


def check_block(values: Any, name: str, kind: type[BlockType]) -> BlockType:
    """As :func:`read_block`, for values that do not come from a file."""
    # Strict types are read from JSON: YAML's lists become tuples, but "3" does not become 3.
    text = json.dumps(plain(values, name))
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise ParamsError("\n".join(explain(error, name, kind))) from None

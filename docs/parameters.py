"""Writes docs/parameters.md: every parameter with type, default, unit, meaning, the paper's value.

Types and defaults are those of the blocks in vital/params, what blocks are for is what their
docstrings say; docs/parameters.yaml has the rest. ``make parameters`` runs this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import annotated_types as bounds
from pydantic import BaseModel, JsonValue, RootModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from vital.params.base import BLOCKS, HUGE, MOST, TINY, Block
from vital.params.methods import METHODS

HERE = Path(__file__).parent
PAGE, TOLD = HERE / "parameters.md", HERE / "parameters.yaml"

HEAD = """\
# Parameters

Every key of `params.yaml`, whose blocks stand below in the order of that file. A key without a
default must be given; what is left out has its default, whatever profile is used. The last column
has the paper's value where it names one.

`make parameters` writes this page from the blocks in `vital/params` and from `parameters.yaml`.
"""

_TABLE = ("| key | type | default | unit | meaning | paper |", "|---|---|---|---|---|---|")
_PLAIN = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    JsonValue: "any value",
}


class Key(NamedTuple):
    """A key of a block: where it stands, of what type it is, what it is without being given."""

    name: str
    type: str
    default: str


def page() -> str:
    """The whole page."""
    told = YAML(typ="safe").load(TOLD.read_text(encoding="utf-8"))
    return "\n".join([HEAD, *(line for block in BLOCKS for line in _section(block, told))]) + "\n"


def keys_of(block: str) -> Iterator[Key]:
    """All keys of a block, those of blocks within it in their place."""
    if block == "seed":
        yield Key("seed", "whole number, at least 0", "")
    elif block == "methods":
        yield Key("methods", f"list of {_any_of(METHODS)}", "")
    else:
        yield from _keys(block, _kind(block))


def entry_of(name: str, told: Mapping[str, object]) -> str:
    """The entry that says what a key is: its own, or the longest that many have in common.

    Raises KeyError where there is none.
    """
    parts = name.split(".")
    shared = (".".join(["*", *parts[first:]]) for first in range(1, len(parts)))
    for entry in (name, *shared):
        if entry in told:
            return entry
    raise KeyError(f"docs/parameters.yaml says nothing of {name}")


def _section(block: str, told: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"## {block}\n"
    if block not in ("seed", "methods"):
        yield _prose(_kind(block)) + "\n"
    yield from _TABLE
    for key in keys_of(block):
        facts = told[entry_of(key.name, told)]
        cells = [facts.get("unit", ""), facts["meaning"], facts.get("paper", "")]
        row = [f"`{key.name}`", key.type, key.default, *map(str, cells)]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def _kind(block: str) -> type[BaseModel]:
    kind: type[BaseModel] = getattr(
        import_module(f"vital.params.{block}"), f"{block.capitalize()}Params"
    )
    return kind


def _prose(kind: type[BaseModel]) -> str:
    return cleandoc(kind.__doc__ or "").replace("``", "`")


def _keys(prefix: str, kind: type[BaseModel]) -> Iterator[Key]:
    if issubclass(kind, RootModel):
        (item, *_) = get_args(kind.model_fields["root"].annotation)
        yield from _keys(f"{prefix}[]", item)
        return
    for name, field in kind.model_fields.items():
        place = f"{prefix}.{name}"
        within, is_list = _block_within(field.annotation)
        if within is None:
            yield Key(place, _type(field.annotation, field.metadata), _default(field))
            continue
        if field.is_required() or is_list or field.default is None:
            kind_of_value = "list of blocks" if is_list else "block"
            null = " or null" if field.default is None else ""
            yield Key(place, kind_of_value + null, _default(field))
        yield from _keys(f"{place}[]" if is_list else place, within)


def _block_within(annotation: Any) -> tuple[type[Block] | None, bool]:
    """The block that is legal at a place, if one is, and whether it is a list of them."""
    for one in get_args(annotation) or (annotation,):
        if isinstance(one, type) and issubclass(one, Block):
            return one, get_origin(annotation) is tuple
    return None, False


def _type(annotation: Any, metadata: list[Any]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return _any_of(arguments)
    if origin in (Union, UnionType):
        kinds = [_type(one, metadata) for one in arguments if one is not NoneType]
        return " or ".join([*dict.fromkeys(kinds), *(["null"] if NoneType in arguments else [])])
    if origin is tuple:
        count = "list" if arguments[-1] is Ellipsis else str(len(arguments))
        return f"{count} of {_type(arguments[0], [])}"
    if origin is dict:
        return f"mapping to {_type(arguments[1], [])}"
    return _PLAIN[annotation] + "".join(_limits(metadata))


def _limits(metadata: list[Any]) -> Iterator[str]:
    """What a number must be, without bounds that only catch slips."""
    for one in _flat(metadata):
        match one:
            case bounds.Gt(gt=int() | float() as low):
                yield f", above {low:g}"
            case bounds.Ge(ge=int() | float() as low) if low == TINY:
                yield ", above 0"
            case bounds.Ge(ge=int() | float() as low) if low > -HUGE:
                yield f", at least {low:g}"
            case bounds.Lt(lt=int() | float() as high):
                yield f", below {high:g}"
            case bounds.Le(le=int() | float() as high) if high < MOST:
                yield f", at most {high:g}"


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for one in metadata:
        yield from _flat(one.metadata) if isinstance(one, FieldInfo) else [one]


def _any_of(values: tuple[Any, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    return f"`{json.dumps(value, default=lambda block: block.model_dump(mode='json'))}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Check a whole params.yaml at once, so that a misspelt key stops the first stage, not the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel, RootModel

from vital.errors import ParamsError
from vital.params.base import BLOCKS, read_block, read_seed
from vital.params.data import DataParams
from vital.params.extract import ExtractParams
from vital.params.judges import JudgesParams
from vital.params.methods import read_methods
from vital.params.model import ModelParams
from vital.params.peers import PeersParams
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
from vital.params.report import ReportParams
from vital.params.score import ScoreParams
from vital.params.together import check_together
from vital.params.units import UnitsParams
from vital.params.visualize import VisualizeParams

_KINDS: dict[str, type[BaseModel]] = {
    "data": DataParams,
    "model": ModelParams,
    "units": UnitsParams,
    "extract": ExtractParams,
    "references": ReferencesParams,
    "relevance": RelevanceParams,
    "visualize": VisualizeParams,
    "peers": PeersParams,
    "judges": JudgesParams,
    "score": ScoreParams,
    "report": ReportParams,
}


def parse_params(content: dict[str, Any]) -> dict[str, Any]:
    """What a params file says, as plain data, however and in whatever order it says it.

    What it leaves to the defaults is left out. Raises ParamsError for the first bad block.
    """
    given: dict[str, Any] = {"seed": read_seed(content), "methods": read_methods(content)}
    for name, kind in _KINDS.items():
        given[name] = read_block(content, name, kind)
    return {name: _plain(given[name]) for name in BLOCKS}


def _plain(value: Any) -> Any:
    """As plain data: the keys of blocks in their order, all others in that of the alphabet."""
    if isinstance(value, RootModel):
        return _plain(value.root)
    if isinstance(value, BaseModel):
        given = [name for name in type(value).model_fields if name in value.model_fields_set]
        return {name: _plain(getattr(value, name)) for name in given}
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def check_params(content: dict[str, Any]) -> None:
    """Check the seed, the methods, every block, and then what blocks need of each other.

    Raises ParamsError that lists what is wrong in all of them.
    """
    checks: list[Callable[[], object]] = [
        partial(read_seed, content),
        partial(read_methods, content),
        *(partial(read_block, content, name, kind) for name, kind in _KINDS.items()),
    ]
    problems = []
    for check in checks:
        try:
            check()
        except ParamsError as error:
            problems.append(str(error))
    if problems:
        raise ParamsError("\n".join(problems))
    check_together(content)

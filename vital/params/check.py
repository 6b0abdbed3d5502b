"""Check a whole params.yaml at once, so that a misspelt key stops the first stage, not the last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel

from vital.errors import ParamsError
from vital.params.base import read_block, read_seed
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

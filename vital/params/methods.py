"""The list ``methods``: which methods make images in a run."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, RootModel

from vital.errors import ParamsError, nearest
from vital.params.base import Names, check_block
from vital.params.explain import shown
from vital.params.peers import PEERS
from vital.params.plain import plain
from vital.params.studied_method import STUDIED

METHODS = (STUDIED, *PEERS)
"""All methods that there are."""


class _Methods(RootModel[Names]):
    """The list, none of them twice."""

    model_config = ConfigDict(strict=True)


def read_methods(content: dict[str, Any]) -> tuple[str, ...]:
    """The methods of a run, in their order.

    Raises ParamsError for a list that is empty, that names a method twice, or one that does not
    exist.
    """
    given = plain(content["methods"], "methods")
    if not isinstance(given, list) or not given:
        legal = ", ".join(METHODS)
        raise ParamsError(f"methods: {shown(given)} must be a list of at least one of {legal}")
    for name in given:
        check_method(name)
    return check_block(given, "methods", _Methods).root


def check_method(name: Any) -> None:
    """Raise ParamsError unless there is a method of this name."""
    if name not in METHODS:
        raise ParamsError(
            f"methods: there is no method {shown(name)}; {nearest(str(name), METHODS)}"
        )

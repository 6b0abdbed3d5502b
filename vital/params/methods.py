"""The list ``methods``: which methods make images in a run."""

from __future__ import annotations

from typing import Any

from vital.errors import ParamsError, nearest
from vital.params.peers import PEERS
from vital.params.studied_method import STUDIED

METHODS = (STUDIED, *PEERS)
"""All methods that there are."""


def read_methods(content: dict[str, Any]) -> tuple[str, ...]:
    """The methods of a run, in their order.

    Raises ParamsError for a list that is empty, that names a method twice, or one that does not
    exist.
    """
    given = content["methods"]
    if not isinstance(given, list) or not given:
        raise ParamsError(f"methods: {given!r} must be a list of at least one of {METHODS}")
    for name in given:
        check_method(name)
    repeated = [name for name in given if given.count(name) > 1]
    if repeated:
        raise ParamsError(f"methods names {repeated[0]!r} more than once")
    return tuple(given)


def check_method(name: Any) -> None:
    """Raise ParamsError unless there is a method of this name."""
    if name not in METHODS:
        raise ParamsError(f"methods: there is no method {name!r}; {nearest(str(name), METHODS)}")

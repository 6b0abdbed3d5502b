"""Nested parameters told flat: a dotted name for each, its value as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested blocks as dotted names with their values; an empty block is a value itself."""
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        else:
            yield name, value


def as_json(value: Any) -> str:
    """A value that YAML can hold as JSON: the same text for equal values, dates as text."""
    return json.dumps(value, sort_keys=True, default=str)

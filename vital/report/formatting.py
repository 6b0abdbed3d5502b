"""Numbers and values as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

DASH = "\N{EN DASH}"
"""Stands for what is not known."""

MINUS = "\N{MINUS SIGN}"


def percent(share: float) -> str:
    """A share in [0, 1] in percent, or a dash where it is not a number."""
    return DASH if math.isnan(share) else f"{100 * share:.1f}\u202f%"


def value_text(value: Any) -> str:
    """A value of a parameter or a measure."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(value_text(item) for item in value)
    return str(value)

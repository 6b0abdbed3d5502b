"""Feature visualization by matching the feature distributions of real images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vital.runtime.numpy_sort import avoid_slow_sort

if TYPE_CHECKING:
    from vital.api.results import Visualizations
    from vital.api.visualize import visualize

__version__ = "0.1.0"

__all__ = ["Visualizations", "__version__", "visualize"]

_HOMES = {"Visualizations": "vital.api.results", "visualize": "vital.api.visualize"}

avoid_slow_sort()  # here, as it must be done before any module loads NumPy


def __getattr__(name: str) -> Any:
    """Import the library's functions when they are first used: a stage loads only its own."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vital' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

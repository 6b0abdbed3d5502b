"""Calls of the library that take a moment."""

from __future__ import annotations

from pathlib import Path

import vital
from helpers.small_networks import KWARGS

QUICK = {"steps": 4, "batch": 2, "history_every": 2}


def make(checkpoint: Path, references: Path, **changes: object) -> vital.Visualizations:
    """Images by a small network, from few steps."""
    options = {"checkpoint": checkpoint, "model_kwargs": KWARGS, "size": 32, "params": QUICK}
    return vital.visualize("timm/resnet10t", references, **{**options, **changes})

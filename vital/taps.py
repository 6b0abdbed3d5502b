"""Where a network can be read: what `vital taps` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from torch import nn

from vital.activations import INPUT_TAP, tap_shapes
from vital.errors import ModelError
from vital.models import build_network, default_taps, freeze, timm_preprocessing
from vital.preprocessing import Preprocessing


def describe_taps(name: str, kwargs: Mapping[str, Any], every: bool) -> pd.DataFrame:
    """The taps of a network: name, channels, positions, default weight (NaN where it has none).

    ``every`` lists all modules that can be read instead of the defaults.
    """
    network = freeze(build_network(name, kwargs))
    preprocessing = timm_preprocessing(network)
    defaults = default_taps(network)
    if not every:
        shapes = tap_shapes(network, list(defaults), preprocessing.size)
    else:
        shapes = _readable(network, preprocessing)
    rows = [
        {"tap": tap, "channels": shape[0], "positions": shape[1], "weight": defaults.get(tap)}
        for tap, shape in shapes.items()
    ]
    return pd.DataFrame(rows)


def _readable(network: nn.Module, preprocessing: Preprocessing) -> dict[str, tuple[int, int]]:
    shapes = {}
    for tap in [INPUT_TAP, *(name for name, _ in network.named_modules() if name)]:
        try:
            shapes.update(tap_shapes(network, [tap], preprocessing.size))
        except ModelError:
            continue
    return shapes

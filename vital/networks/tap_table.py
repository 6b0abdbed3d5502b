"""Where a network can be read: what `vital taps` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from torch import nn

from vital.errors import ModelError
from vital.networks.build import read_outline
from vital.networks.config import network_config
from vital.networks.taps.defaults import choose_taps
from vital.networks.taps.module_outputs import ModuleOutput, module_outputs
from vital.networks.taps.reader import INPUT_TAP
from vital.runtime.neutral_state import in_neutral_state


@in_neutral_state
def describe_taps(
    name: str,
    kwargs: Mapping[str, Any],
    *,
    weights: str | None = None,
    size: int | None = None,
    every: bool = False,
) -> pd.DataFrame:
    """The taps of a network: name, channels, positions, default weight (NaN where it has none).

    ``size`` overrides the side of its input in pixels; ``every`` lists all that can be read, as
    defined, instead of the defaults. No weights are fetched, and mostly none are made.

    Raises ModelError for a network that cannot be built, does not run at that size, or does not
    say its size.
    """
    return read_outline(lambda network: _table(network, size, every), name, kwargs, weights=weights)


def _table(network: nn.Module, side: int | None, every: bool) -> pd.DataFrame:
    size = (side, side) if side is not None else _own_size(network)
    outputs = module_outputs(network, size)
    if every:
        return _everything(network, outputs, size)
    weights = choose_taps(network, outputs)
    shapes = {one.tap: (one.channels, one.positions) for one in outputs}
    return pd.DataFrame([_row(tap, *shapes[tap], weight) for tap, weight in weights.items()])


def _everything(
    network: nn.Module, outputs: Sequence[ModuleOutput], size: tuple[int, int]
) -> pd.DataFrame:
    try:
        weights = choose_taps(network, outputs)
    except ModelError:  # without a choice, the more reason to show what there is
        weights = {}
    order = {name: i for i, (name, _) in enumerate(network.named_modules())}
    defined = sorted(outputs, key=lambda one: (order[one.name], one.run))
    rows = [_row(one.tap, one.channels, one.positions, weights.get(one.tap)) for one in defined]
    return pd.DataFrame([_row(INPUT_TAP, 3, size[0] * size[1], None), *rows])


def _row(tap: str, channels: int, positions: int, weight: float | None) -> dict[str, Any]:
    return {"tap": tap, "channels": channels, "positions": positions, "weight": weight}


def _own_size(network: nn.Module) -> tuple[int, int]:
    size = network_config(network).get("input_size")
    if size is None:
        raise ModelError("the network does not say the size of its images: give it (--size)")
    return int(size[-2]), int(size[-1])

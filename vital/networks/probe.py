"""What a network gives for a blank image: whether it runs at a size, and how many logits it has."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from vital.errors import ModelError, first_line
from vital.runtime.devices import device_of


def blank_image(network: nn.Module, size: tuple[int, int]) -> torch.Tensor:
    """Zeros (1, 3, H, W) of (height, width) ``size``, on the device of the network's weights."""
    return torch.zeros(1, 3, *size, device=device_of(network))


def run_blank(network: nn.Module, size: tuple[int, int]) -> Any:
    """What the network gives for one image of zeros of (height, width) ``size``.

    Raises ModelError when it does not run on it.
    """
    try:
        with torch.no_grad():
            return network(blank_image(network, size))
    except Exception as error:  # a network may raise anything when its input does not suit it
        raise ModelError(
            f"the network does not run on an image of {size[0]} x {size[1]} pixels "
            f"({type(error).__name__}: {first_line(error)})"
        ) from None


def count_logits(network: nn.Module, size: tuple[int, int]) -> int:
    """How many logits the network gives for an image of (height, width) ``size``.

    Raises ModelError when it has no classifier, or gives something else than a row of logits.
    """
    if getattr(network, "num_classes", None) == 0:
        raise ModelError(
            "the network has no classifier (its num_classes is 0), so it knows no classes: "
            "ask for one (num_classes among its keyword arguments) and give weights that hold it"
        )
    logits = run_blank(network, size)
    if not isinstance(logits, torch.Tensor) or logits.dim() != 2:
        given = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ModelError(f"the network gives {given} for one image, not one row of logits")
    return int(logits.shape[1])

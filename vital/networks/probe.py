"""What a network gives for a blank image: whether it runs at a size, and how many logits it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vital.errors import ModelError, VitalError, first_line
from vital.networks.outputs import members, tensors_in
from vital.runtime.devices import device_of

_SIZES = ("img_size", "image_size")
"""The arguments by which timm and torchvision build a transformer for a size, and the attributes
in which it keeps that."""


def blank_image(network: nn.Module, size: tuple[int, int]) -> torch.Tensor:
    """Zeros (1, 3, H, W) of (height, width) ``size``, on the device of the network's weights."""
    return torch.zeros(1, 3, *size, device=device_of(network))


@contextmanager
def run_at(network: nn.Module, size: tuple[int, int]) -> Iterator[None]:
    """Turn what a network raises on images of (height, width) ``size`` into ModelError."""
    try:
        yield
    except VitalError:
        raise
    except Exception as error:  # a network may raise anything when its input does not suit it
        why = _known_reason(network, size) or f"{type(error).__name__}: {first_line(error)}"
        raise ModelError(
            f"the network does not run on an image of {size[0]} x {size[1]} pixels ({why})"
        ) from None


def run_blank(network: nn.Module, size: tuple[int, int]) -> Any:
    """What the network gives for one image of zeros of (height, width) ``size``.

    Raises ModelError when it does not run on it, or writes over it.
    """
    image = blank_image(network, size)
    with run_at(network, size), torch.no_grad():
        output = network(image)
    if image._version:
        raise ModelError(
            "the network writes over the images that it is given (an operation in place): let it "
            "begin with a copy of them (x = x.clone())"
        )
    return output


def count_logits(network: nn.Module, size: tuple[int, int]) -> int:
    """How many logits the network gives for an image of (height, width) ``size``.

    Raises ModelError when it has no classifier, or gives something else than a row of logits.
    """
    if getattr(network, "num_classes", None) == 0:
        raise ModelError(
            "the network has no classifier (its num_classes is 0), so it knows no classes: "
            "ask for one (num_classes among its keyword arguments) and give weights that hold it"
        )
    return int(row_of_logits(run_blank(network, size)).shape[1])


def row_of_logits(logits: object) -> torch.Tensor:
    """What a network gives for one image, (1, classes).

    Raises ModelError when it is something else than a row of logits.
    """
    if not isinstance(logits, torch.Tensor):
        raise ModelError(
            f"the network gives {type(logits).__name__} for one image, not one row of logits; say "
            f"by output (model.output) which are the logits: {tensors_in(members(logits))}"
        )
    if logits.dim() != 2 or len(logits) != 1:
        raise ModelError(
            f"the network gives {tuple(logits.shape)} for one image, not one row of logits"
        )
    return logits


def _known_reason(network: nn.Module, size: tuple[int, int]) -> str | None:
    """Why it does not run, where that shows: it is made for another size or number format."""
    for module in network.modules():
        for key in _SIZES:
            built = _as_size(getattr(module, key, None))
            if built is not None and built != size:
                return (
                    f"it is built for {built[0]} x {built[1]}; another size is among its keyword "
                    f"arguments, {key}: {size[0] if size[0] == size[1] else list(size)}"
                )
    kinds = {one.dtype for one in network.parameters() if one.is_floating_point()}
    other = sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32})
    return f"its weights are {other[0]}, images are float32: convert it" if other else None


def _as_size(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    return (value[0], value[1]) if is_pair and all(isinstance(one, int) for one in value) else None

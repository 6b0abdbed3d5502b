"""What can be read in a network: the output of every module, by one forward pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vital.errors import ModelError, first_line
from vital.networks.taps.reader import blank_image, read_layout


@dataclass(frozen=True)
class Reading:
    """What one run of a module gives for one image.

    ``run`` counts the module's runs from 1; ``resolution`` is the (height, width) of a feature
    map, None for tokens (then ``positions`` > 1) and vectors.
    """

    name: str
    run: int
    module: nn.Module
    channels: int
    positions: int
    resolution: tuple[int, int] | None

    @property
    def tap(self) -> str:
        """The tap that reads it."""
        return self.name if self.run == 1 else f"{self.name}@{self.run}"

    @property
    def depth(self) -> int:
        """How many modules it lies in, counting itself but not the network."""
        return self.name.count(".") + 1


def survey(network: nn.Module, size: tuple[int, int]) -> list[Reading]:
    """Every output that can be read, in the order in which modules end.

    A module ends after those inside it. Outputs that are not one tensor with a row per image are
    left out. Raises ModelError when the network does not run on an image of (height, width)
    ``size``.
    """
    images = blank_image(network, size)
    found: list[Reading] = []
    runs: Counter[str] = Counter()

    def note(name: str, module: nn.Module, output: Any) -> None:
        runs[name] += 1
        if not isinstance(output, torch.Tensor):
            return
        try:
            value = read_layout(network, module, output, images)
        except ValueError:
            return
        resolution = (value.shape[2], value.shape[3]) if value.dim() == 4 else None
        positions = value[0, 0].numel()
        found.append(Reading(name, runs[name], module, value.shape[1], positions, resolution))

    handles = [
        module.register_forward_hook(
            lambda module, _inputs, output, name=name: note(name, module, output)
        )
        for name, module in network.named_modules()
        if name
    ]
    try:
        run_blank(network, size)
    finally:
        for handle in handles:
            handle.remove()
    return found


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


def count_classes(network: nn.Module, size: tuple[int, int]) -> int:
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

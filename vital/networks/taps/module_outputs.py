"""What can be read in a network: the output of every module, by one forward pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vital.networks.probe import blank_image, run_blank
from vital.networks.taps.channel_axis import output_channels_first
from vital.networks.taps.reader import INPUT_TAP


@dataclass(frozen=True)
class ModuleOutput:
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


def module_outputs(network: nn.Module, size: tuple[int, int]) -> list[ModuleOutput]:
    """Every output that can be read, in the order in which modules end.

    A module ends after those inside it. Outputs that are not one tensor with a row per image are
    left out. Raises ModelError when the network does not run on an image of (height, width)
    ``size``.
    """
    images = blank_image(network, size)
    found: list[ModuleOutput] = []
    runs: Counter[str] = Counter()

    def note(name: str, module: nn.Module, output: Any) -> None:
        runs[name] += 1
        if not isinstance(output, torch.Tensor):
            return
        try:
            value = output_channels_first(network, module, output, images)
        except ValueError:
            return
        resolution = (value.shape[2], value.shape[3]) if value.dim() == 4 else None
        positions = value[0, 0].numel()
        found.append(ModuleOutput(name, runs[name], module, value.shape[1], positions, resolution))

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


def tap_order(network: nn.Module, size: tuple[int, int]) -> list[str]:
    """Every tap that can be read, in the order in which they run; see :func:`module_outputs`."""
    return [INPUT_TAP, *(output.tap for output in module_outputs(network, size))]

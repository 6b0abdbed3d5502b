"""Which of a network's outputs are its logits, where it gives several or names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vital.errors import ModelError

Place = str | int
"""An attribute, a key or an index of what a network gives."""


@dataclass(frozen=True)
class PickedOutput:
    """A forward hook by which a network gives the tensor at ``place`` and nothing else."""

    place: Place

    def __call__(self, _module: nn.Module, _inputs: Any, output: Any) -> torch.Tensor:
        """The tensor at the place. Raises ModelError where there is none."""
        if isinstance(output, torch.Tensor):
            raise ModelError(
                f"output {self.place!r}: the network gives one tensor, of which there is nothing "
                "to choose; leave output out"
            )
        found = members(output)
        if self.place not in found:
            raise ModelError(
                f"output {self.place!r}: the network gives {type(output).__name__}, which has only "
                f"{tensors_in(found)}"
            )
        picked = found[self.place]
        if not isinstance(picked, torch.Tensor):
            raise ModelError(
                f"output {self.place!r}: the network gives {type(picked).__name__} there, not one "
                "tensor"
            )
        return picked


def pick_output(network: nn.Module, place: Place | None) -> nn.Module:
    """Have the network give what lies at ``place``, or all where that is None; returns it."""
    if place is not None:
        network.register_forward_hook(PickedOutput(place))
    return network


def members(output: Any) -> dict[Any, Any]:
    """What can be chosen of an output: its attributes, keys and indices, also from the end."""
    found: dict[Any, Any] = dict(getattr(output, "__dict__", {}))
    if isinstance(output, Mapping):
        return {**found, **output}
    if isinstance(output, tuple | list):
        names = getattr(output, "_fields", ())
        found |= dict(zip(names, output, strict=False)) | dict(enumerate(output))
        found |= {index - len(output): value for index, value in enumerate(output)}
    return found


def tensors_in(found: Mapping[Any, Any]) -> str:
    """The members that are tensors, for a message; indices from the end go without saying."""
    names = [
        repr(name)
        for name, value in found.items()
        if isinstance(value, torch.Tensor) and not (isinstance(name, int) and name < 0)
    ]
    return ", ".join(names) or "no tensors"

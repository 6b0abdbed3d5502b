"""In which order a network's maps lie in memory: channel by channel, or position by position.

A convolution lays its result as its weights lie, so that these decide for the whole network. What
the network computes is the same either way but for how it is rounded.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from vital.runtime.devices import device_of
from vital.runtime.generators import generator
from vital.runtime.memory import is_out_of_memory
from vital.runtime.neutral_state import neutral_state

Layout = Literal["contiguous", "channels last"]

_FORMATS: dict[Layout, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels last": torch.channels_last,
}

_SAME = 1e-3
"""By how much answers in the two layouts may differ, as a share of the largest: by rounding."""


def layout_of(network: nn.Module) -> Layout:
    """How the network's weights lie; those of one that has nothing to lay out are contiguous."""
    alike = all(weight.is_contiguous() for weight in _weights(network))
    return "contiguous" if alike else "channels last"


def set_layout(network: nn.Module, layout: Layout) -> None:
    """Lay the weights so, whatever suits the device."""
    for weight in _weights(network):
        weight.data = weight.data.contiguous(memory_format=_FORMATS[layout])


def lay_out(network: nn.Module, size: tuple[int, int]) -> None:
    """Lay the network's weights as suits the device that they are on; images are of ``size``.

    A CPU convolves channels last faster, so maps that one convolution makes for another lie so
    there. A network whose code asks for contiguous maps, as by ``view``, stays as it is: it is
    tried on an image of noise.
    """
    wanted: Layout = "channels last" if _gains(network) else "contiguous"
    if layout_of(network) == wanted:
        return
    with neutral_state():
        before = _answer(network, size) if wanted == "channels last" else None
        set_layout(network, wanted)
        if wanted == "channels last" and not _are_same(before, _answer(network, size)):
            set_layout(network, "contiguous")


def _gains(network: nn.Module) -> bool:
    """Whether the network is on a CPU and has a convolution that may be given another's maps."""
    if device_of(network).type != "cpu":
        return False
    return sum(isinstance(module, nn.Conv2d) for module in network.modules()) > 1


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in network.parameters() if weight.dim() == 4]


def _answer(network: nn.Module, size: tuple[int, int]) -> torch.Tensor | None:
    """What the network gives for noise; None where that is no tensor with a gradient by it."""
    noise = torch.randn(1, 3, *size, generator=generator(0, "memory layout"))
    try:
        answer: torch.Tensor = network(noise.requires_grad_())
        torch.autograd.grad(answer.sum(), noise)
    except Exception as error:  # a network may raise anything where it is not at home
        if is_out_of_memory(error):
            raise
        return None
    return answer.detach()


def _are_same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None or one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= _SAME * one.abs().max())

"""The features that a network's classifier sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from vital.errors import ModelError
from vital.networks.config import named_modules

_LINEAR = (nn.Linear, nn.modules.conv._ConvNd)


def features_and_logits(
    network: nn.Module, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The classifier's input (B, features) and the logits (B, classes) in one pass.

    The classifier is what timm's description of the network names, else the last linear or
    convolution layer that runs; of maps or tokens before it, the mean over positions is taken.

    Raises ModelError when the network has none.
    """
    module, value, version, logits = _last_input(network, images)
    if value._version != version:  # written over since: once more, with a copy of it
        module, value, _, logits = _last_input(network, images, torch.clone)
    return _mean_over_positions(module, value), logits


def _last_input(
    network: nn.Module,
    images: torch.Tensor,
    kept: Callable[[torch.Tensor], torch.Tensor] = torch.detach,
) -> tuple[nn.Module, torch.Tensor, int, torch.Tensor]:
    """The classifier, its input and how often that had been changed in place, and the logits."""
    last: list[tuple[nn.Module, torch.Tensor, int]] = []

    def keep(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        value = kept(inputs[0])
        last[:] = [(module, value, value._version)]

    handles = [module.register_forward_pre_hook(keep) for module in _classifiers(network)]
    try:
        with torch.no_grad():
            logits = network(images)
    finally:
        for handle in handles:
            handle.remove()
    if not last:
        raise ModelError("the network has no linear classifier to take features from")
    return *last[0], logits


def _classifiers(network: nn.Module) -> list[nn.Module]:
    """Of several, such as a distilled network's two, the last to run counts."""
    named = [network.get_submodule(name) for name in named_modules(network, "classifier")]
    return named or [module for module in network.modules() if isinstance(module, _LINEAR)]


def _mean_over_positions(module: nn.Module, value: torch.Tensor) -> torch.Tensor:
    if value.dim() == 2:
        return value
    channels = 1 if isinstance(module, nn.modules.conv._ConvNd) else -1
    return value.movedim(channels, 1).flatten(2).mean(2)

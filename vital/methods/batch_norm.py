"""How far images' activations are from the running statistics of batch norm."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from vital.errors import ModelError
from vital.networks.taps.gradients import without_gradient
from vital.networks.taps.hooks import HookedReader


class BatchNormDistances(HookedReader):
    """The distances at all batch norms; a context manager that takes its hooks away again.

    Every image is judged alone: its mean and variance over positions stand where training had
    those of a batch. Raises ModelError for a network without batch norm of feature maps, and for a
    batch norm from which no gradient leads back to images that ask for one.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self._network = network
        self._layers = _layers_with_running_statistics(network)
        self._is_followed = False
        self._distances: list[torch.Tensor] = []
        if not self._layers:
            raise ModelError(
                f"DeepInversion is not possible for {name}: it matches the statistics of batch "
                "norm, which this network does not have"
            )

    @property
    def is_initial(self) -> bool:
        """Whether all running means are 0 and variances 1, as before any training."""
        running = [_running_statistics(layer) for layer in self._layers]
        return all(
            bool((means == 0).all() and (variances == 1).all()) for means, variances in running
        )

    def _register(self) -> Iterator[RemovableHandle]:
        return (layer.register_forward_pre_hook(self._measure) for layer in self._layers)

    def _forget(self) -> None:
        self._distances.clear()

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The logits (B, classes), and per batch norm in the order of running a distance (B,).

        A distance is the L2 norm of the difference of means plus that of variances.
        """
        self._distances.clear()
        self._is_followed = images.requires_grad and torch.is_grad_enabled()
        logits = self._network(images)
        return logits, list(self._distances)

    def _measure(self, layer: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
        if self._is_followed and not inputs[0].requires_grad:
            name = next(name for name, one in self._network.named_modules() if one is layer)
            raise without_gradient(f"batch norm {name!r}")
        # Read here: a network that has moved to another device has other tensors there.
        self._distances.append(distance_of_statistics(inputs[0], *_running_statistics(layer)))


def distance_of_statistics(
    maps: torch.Tensor, means: torch.Tensor, variances: torch.Tensor
) -> torch.Tensor:
    """How far the statistics of each image's maps (B, C, H, W) are from those given, (C,); (B,)."""
    own_variances, own_means = torch.var_mean(maps.to(means.dtype), dim=(2, 3), correction=0)
    of_means: torch.Tensor = torch.linalg.vector_norm(own_means - means, dim=1)
    of_variances: torch.Tensor = torch.linalg.vector_norm(own_variances - variances, dim=1)
    return of_means + of_variances


def _layers_with_running_statistics(network: nn.Module) -> list[nn.BatchNorm2d]:
    """Every batch norm of feature maps that has running means and variances."""
    return [
        module
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
        and module.running_mean is not None
        and module.running_var is not None
    ]


def _running_statistics(layer: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """The running means and variances of a layer that has them."""
    return layer.get_buffer("running_mean"), layer.get_buffer("running_var")

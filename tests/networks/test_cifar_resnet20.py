"""The ResNet-20 for CIFAR-10 against what He et al. say of it."""

from __future__ import annotations

import torch
from torch import nn

from vital.networks.cifar_resnet20 import HalvedShortcut, cifar_resnet20


def test_layers_and_parameters_are_those_of_the_paper() -> None:
    network = cifar_resnet20()
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == 20
    assert sum(value.numel() for value in network.parameters()) == 269_722  # "0.27M"
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_a_shortcut_takes_every_second_position_and_pads_channels_with_zeros() -> None:
    maps = torch.arange(32.0).view(1, 2, 4, 4) + 1
    short = HalvedShortcut(2)(maps)
    assert torch.equal(short[:, 1:3], maps[:, :, ::2, ::2])
    assert not short[:, [0, 3]].any()

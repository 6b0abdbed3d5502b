"""Everything that can be read, by one pass, and networks that cannot be run."""

from __future__ import annotations

import pytest
import torch

from helpers.counting_network import Counting
from vital.errors import ModelError
from vital.networks.build import outline_network
from vital.networks.taps.module_outputs import module_outputs
from vital.networks.taps.reader import TapReader


def test_one_pass_shows_all_that_can_be_read() -> None:
    network = Counting()
    outputs = module_outputs(network, (9, 7))
    assert network.passes == 1
    assert [(one.tap, one.channels, one.positions, one.resolution) for one in outputs] == [
        ("conv", 4, 12, (4, 3)),
        ("act", 4, 12, (4, 3)),
        ("act@2", 4, 1, None),
        ("head", 5, 1, None),
    ]
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/test_convnext", "torchvision/swin_t"])
def test_module_outputs_tell_the_same_as_reading(name: str) -> None:
    network = outline_network(name, {})
    size = network.pretrained_cfg["input_size"][-2:]
    outputs = module_outputs(network, size)
    with TapReader(network, [one.tap for one in outputs]) as read:
        values = read(torch.zeros(1, 3, *size, device="meta"))
    assert {one.tap: (one.channels, one.positions) for one in outputs} == {
        tap: tuple(value.shape[1:]) for tap, value in values.items()
    }


def test_a_network_that_does_not_run_says_why() -> None:
    with pytest.raises(ModelError, match=r"not run on .* 64 x 32 pixels \(it is built for"):
        module_outputs(outline_network("timm/vit_tiny_patch16_224", {}), (64, 32))

"""The composite ``vital`` is the paper's rules, whatever has been computed before."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from helpers.families import redrawn
from helpers.slow_rules import blocks_before, difference, relevance_at
from vital.relevance import ChannelStart, RelevanceReader, class_start, vital_composite

BAR = 1e-4


def small(kind: str) -> nn.Module:
    if kind == "basic":
        network = ResNet(BasicBlock, [1, 2, 2, 1], 10)
    else:
        network = ResNet(Bottleneck, [1, 2, 2, 2], 10, width_per_group=16)
    return redrawn(network.eval(), seed=3)


def check(network: nn.Module, images: torch.Tensor, start: str, channel: int) -> None:
    expected = relevance_at(copy.deepcopy(network), images, start, channel)
    begin = class_start(channel) if start == "fc" else ChannelStart(start, channel)
    taps = ["input", *blocks_before(network, start)]
    with RelevanceReader(network, taps, vital_composite()) as read:
        first = read(images, [begin] * len(images))
        second = read(images, [begin] * len(images))
    for tap in taps:
        assert float(expected[tap].abs().max()) > 0
        assert difference(first.relevance[tap], expected[tap].flatten(2)) <= BAR, tap
        assert torch.equal(first.relevance[tap], second.relevance[tap])


@pytest.mark.parametrize(
    ("start", "channel"),
    [("fc", 3), ("layer4.last", 7), ("layer3.last", 6), ("layer3.0", 2)],
)
@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
def test_relevance_is_what_the_definition_says(kind: str, start: str, channel: int) -> None:
    network = small(kind)
    images = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(4))
    check(network, images, last_block(network, start), channel)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "channel"), [("fc", 3), ("layer4.last", 7), ("layer3.last", 11)])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_networks_of_the_paper(name: str, start: str, channel: int) -> None:
    network = redrawn(torchvision.models.get_model(name).eval(), seed=5)
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(6))
    check(network, images, last_block(network, start), channel)


def test_where_both_branches_are_zero_relevance_is_finite() -> None:
    network = small("basic")
    with torch.no_grad():
        network.layer2[1].bn2.weight[:4] = 0.0
        network.layer2[1].bn2.bias[:4] = 0.0
        network.layer2[0].bn2.bias[:4] = -1e3
    images = torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(4))
    check(network, images, "layer3.1", 11)


def test_what_a_bias_alone_makes_active_gives_nothing_back() -> None:
    """One filter per channel (MobileNets): where all its weights are negative, z+ has no share."""
    network = nn.Sequential(
        nn.Conv2d(3, 2, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(2, 2, 3, padding=1, groups=2),
        nn.ReLU(),
    ).eval()
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[2].weight[0] = 1.0
        network[2].weight[1] = -1.0
        network[2].bias.fill_(50.0)
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(7))
    with RelevanceReader(network, ["1"], vital_composite()) as read:
        for channel, kept in [(0, 1.0), (1, 0.0)]:
            reading = read(images, [ChannelStart("3", channel)])
            assert float(reading.starts) > 0
            found = float(reading.relevance["1"].sum() / reading.starts)
            assert found == pytest.approx(kept, abs=1e-4)


def last_block(network: nn.Module, start: str) -> str:
    stage = start.removesuffix(".last")
    if stage == start:
        return start
    return f"{stage}.{len(network.get_submodule(stage)) - 1}"

"""The composites: ``vital`` is the paper's rules, and guided backpropagation its definition."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from helpers.draws import draws
from helpers.families import redrawn
from helpers.slow_rules import blocks_before, difference, relevance_at
from vital.errors import ParamsError
from vital.relevance import (
    ChannelStart,
    RelevanceReader,
    canonical_composite,
    class_start,
    composite,
    guided_composite,
    vital_composite,
)

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


def test_unknown_composites_and_rules_are_refused() -> None:
    with pytest.raises(ParamsError, match=r"no composite 'vitl'.*'vital'"):
        composite("vitl")
    with pytest.raises(ParamsError, match=r"no rule 'gama' for a convolution.*'gamma'"):
        canonical_composite(convolution="gama")  # type: ignore[arg-type]
    with pytest.raises(ParamsError, match="alpha must be beta"):
        canonical_composite(alpha=1.0, beta=1.0)
    with pytest.raises(ParamsError, match="epsilon is 0"):
        canonical_composite(epsilon=0.0)
    with pytest.raises(ParamsError, match="gamma is -1"):
        canonical_composite(gamma=-1.0)


def test_guided_backpropagation_is_what_its_definition_says() -> None:
    torch.manual_seed(4)
    first, second, last = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), nn.Conv2d(4, 2, 1)
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(inplace=True), last).eval()
    images = torch.randn(2, 3, 8, 8, generator=draws())
    with RelevanceReader(network, ["input", "0", "1"], guided_composite()) as read:
        found = read(images, [ChannelStart("4", 1)] * 2).relevance

    below, above = first(images), second(first(images).relu())
    gradient = last.weight[1].view(1, 4, 1, 1).expand_as(above)
    gradient = gradient * (above > 0) * (gradient > 0)
    at_relu = functional.conv_transpose2d(gradient, second.weight)
    at_convolution = at_relu * (below > 0) * (at_relu > 0)
    at_input = functional.conv_transpose2d(at_convolution, first.weight)
    expected = {"1": at_relu, "0": at_convolution, "input": at_input}
    for tap, value in expected.items():
        torch.testing.assert_close(found[tap], value.clamp(min=0).flatten(2))


def test_guided_backpropagation_reaches_functional_relus() -> None:
    class Functional(nn.Module):
        def __init__(self, layers: nn.Sequential) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers[1](functional.relu(self.layers[0](x), inplace=True))

    torch.manual_seed(5)
    layers = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3)).eval()
    images = torch.randn(2, 3, 8, 8, generator=draws())
    modular = nn.Sequential(layers[0], nn.ReLU(), layers[1]).eval()
    found = []
    for network, tap in ((Functional(layers).eval(), "layers.1"), (modular, "2")):
        with RelevanceReader(network, ["input"], guided_composite()) as read:
            found.append(read(images, [ChannelStart(tap, 1)] * 2).relevance["input"])
    assert torch.equal(*found)

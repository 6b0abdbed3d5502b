"""Modules and functions without a rule are found before anything is computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers.families import FAMILIES, images_of, network_of
from helpers.slow_rules import through_convolution
from vital.errors import ModelError
from vital.relevance import (
    ChannelStart,
    RelevanceReader,
    canonical_composite,
    class_start,
    vital_composite,
)

RESNET = FAMILIES["timm resnet"]
VIT = FAMILIES["timm vit"]


class Unruly(nn.Module):
    """Multiplies two branches, squashes, and divides by a norm: three things without a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.second = nn.Conv2d(3, 4, 1)
        self.squash = nn.Sigmoid()
        self.group = nn.GroupNorm(2, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x) * self.second(x)
        x = self.group(self.squash(x))
        return self.head(functional.normalize(x.mean((2, 3))))


def test_all_modules_without_a_rule_are_listed_before_anything_is_computed() -> None:
    network = Unruly().eval()
    with (
        RelevanceReader(network, ["first"], canonical_composite()) as read,
        pytest.raises(ModelError) as caught,
    ):
        read(torch.rand(1, 3, 4, 4), [class_start(0)])
    message = str(caught.value)
    listed = ["the network (Unruly): mul", "the network (Unruly): normalize"]
    listed += ["group (GroupNorm): group_norm", "squash (Sigmoid): sigmoid"]
    assert all(entry in message for entry in listed), message
    assert "first" not in message
    assert "head" not in message


def test_the_paper_has_no_rules_for_attention() -> None:
    with (
        RelevanceReader(network_of(VIT), ["blocks.0"], vital_composite()) as read,
        pytest.raises(ModelError, match=r"no rule for: .*blocks\.0\.attn \(Attention\)"),
    ):
        read(images_of(VIT), [class_start(0)] * 2)


def test_a_network_that_ends_in_a_softmax_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 3), nn.Softmax(dim=1)).eval()
    with (
        RelevanceReader(network, ["0"], canonical_composite()) as read,
        pytest.raises(ModelError, match="end in a softmax"),
    ):
        read(torch.rand(1, 3, 4, 4), [class_start(0)])


class Overwriting(nn.Module):
    """Throws the result of an in-place sum away, and goes on with what it has overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.second = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x)
        y.add_(self.second(x))
        return y.mean((2, 3))


def test_a_network_that_cannot_be_watched_is_refused() -> None:
    with (
        RelevanceReader(Overwriting().eval(), ["first"], canonical_composite()) as read,
        pytest.raises(ModelError, match="works in place"),
    ):
        read(torch.rand(1, 3, 4, 4), [class_start(0)])


class OwnBlock(nn.Module):
    """A residual block that no library knows, with a functional ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y += x
        return functional.relu(y, inplace=True)


def test_blocks_of_ones_own_need_no_canonizer() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), OwnBlock(), OwnBlock()).eval()
    images = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(9))
    start = [ChannelStart("3", 0)] * 2
    with RelevanceReader(network, ["1", "2"], canonical_composite(epsilon=1e-9)) as read:
        reading = read(images, start)
    for relevance in reading.relevance.values():
        torch.testing.assert_close(relevance.sum((1, 2)), reading.starts, rtol=1e-2, atol=1e-4)
    with RelevanceReader(network, ["2", "3"], vital_composite()) as read:
        reading = read(images, start)
    x, arriving = (
        reading.activations["2"].view(2, 4, 6, 6),
        reading.relevance["3"].view(2, 4, 6, 6),
    )
    main = network[3].conv(x).detach()
    part = main.abs() / (main.abs() + x.abs()).clamp(min=1e-30)
    expected = through_convolution(network[3].conv, x, arriving * part) + arriving * (1 - part)
    torch.testing.assert_close(reading.relevance["2"].view(2, 4, 6, 6), expected.detach())

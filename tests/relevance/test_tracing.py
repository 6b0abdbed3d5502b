"""What is met on the way through a network, and what has no rule there."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers.families import FAMILIES, images_of, network_of
from vital.errors import ModelError
from vital.relevance import RelevanceReader, canonical_composite, class_start, vital_composite

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

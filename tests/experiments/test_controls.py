"""The controls' networks differ from the studied one where they say so, and nowhere else."""

from __future__ import annotations

import pytest
import torch

from experiments.controls import IMAGENETTE, STUDIED, permuted_head, random_weights
from helpers.efficientnet_lite import INSTALLED
from vital.networks.build import build_network

pytestmark = pytest.mark.skipif(not INSTALLED, reason="the extra lite is not installed")


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def logits(network: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        computed: torch.Tensor = network.eval()(image)[0]
    return computed


def test_a_permuted_head_says_the_next_class_and_sees_the_same(image: torch.Tensor) -> None:
    studied = logits(build_network(STUDIED, {}, pretrained=True), image)
    permuted = logits(permuted_head(), image)
    for place, following in zip(IMAGENETTE, (*IMAGENETTE[1:], IMAGENETTE[0]), strict=True):
        assert permuted[place] == studied[following]
    others = torch.ones(len(studied), dtype=torch.bool)
    others[list(IMAGENETTE)] = False
    assert torch.equal(permuted[others], studied[others])


def test_random_weights_are_drawn_alike_whatever_was_drawn_before(image: torch.Tensor) -> None:
    first = logits(random_weights(), image)
    torch.manual_seed(5)
    assert torch.equal(logits(random_weights(), image), first)
    assert not torch.allclose(first, logits(build_network(STUDIED, {}, pretrained=True), image))

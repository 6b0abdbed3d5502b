"""Where relevance starts: at a channel, at one of its positions, or along a direction."""

from __future__ import annotations

import torch
from torch import nn

from helpers.families import FAMILIES, images_of, network_of
from vital.relevance import (
    ChannelStart,
    DirectionStart,
    PositionStart,
    RelevanceReader,
    canonical_composite,
    vital_composite,
)

RESNET = FAMILIES["timm resnet"]


def test_a_channel_starts_with_its_map() -> None:
    start = ChannelStart("here", 1)
    activations = torch.randn(3, 5)
    weights = start.weights(activations)
    assert torch.equal(
        weights * activations, torch.stack([torch.zeros(5), activations[1], weights[2]])
    )


def test_a_restricted_start_is_where_the_vector_points_most_towards_the_channel() -> None:
    activations = torch.tensor([[3.0, 0.5, 0.0, 2.0], [4.0, 0.1, 0.0, 5.0]])
    weights = PositionStart("here", 0).weights(activations)
    assert torch.equal(weights, torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0] * 4]))


def test_a_direction_starts_with_the_projection_at_every_position() -> None:
    network = network_of(RESNET)
    direction = torch.randn(192, generator=torch.Generator().manual_seed(7))
    start = DirectionStart("layer3", tuple(direction.tolist()))
    with RelevanceReader(network, ["layer3"], vital_composite()) as read:
        reading = read(images_of(RESNET), [start] * 2)
    projected = torch.einsum("c,bcd->b", direction, reading.activations["layer3"])
    torch.testing.assert_close(reading.starts, projected)
    torch.testing.assert_close(
        reading.relevance["layer3"], reading.activations["layer3"] * direction[None, :, None]
    )


def test_a_restricted_start_only_reaches_what_its_position_sees() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
    images = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(8))
    with RelevanceReader(network, ["input"], canonical_composite()) as read:
        reading = read(images, [PositionStart("1", 0)])
    reached = reading.relevance["input"].view(3, 6, 6).abs().sum(0).nonzero()
    assert len(reached) <= 9
    assert int((reached.amax(0) - reached.amin(0)).max()) <= 2

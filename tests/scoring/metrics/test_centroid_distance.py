"""How far images lie from their class's centre."""

from __future__ import annotations

import pytest
import torch

from helpers.features import draw
from vital.scoring.metrics.centroid_distance import centroid_distances


def test_centroid_distance_is_one_for_a_typical_real_image() -> None:
    real, labels = draw(60, 4, 6), torch.arange(60) % 3
    distances = centroid_distances(real, labels, real, labels)
    for label in range(3):
        assert float(distances[labels == label].square().mean()) == pytest.approx(1.0)
    center = real[labels == 1].mean(0, keepdim=True)
    assert float(centroid_distances(center, torch.tensor([1]), real, labels)) < 1e-6
    assert torch.isnan(centroid_distances(center, torch.tensor([7]), real, labels)).all()

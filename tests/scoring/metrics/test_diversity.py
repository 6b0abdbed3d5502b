"""How much images of one unit differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.features import draw
from vital.scoring.metrics.diversity import distances_within


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    features, labels = draw(9, 4, 24), torch.tensor([0, 1, 0, 2, 1, 0, 0, 1, 3])
    distances = distances_within(features, labels)
    rows = features.double().numpy()
    for label in (0, 1):
        mine = np.flatnonzero(labels.numpy() == label)
        pairs = [(i, j) for i in mine for j in mine if i < j]
        expected = np.mean([np.linalg.norm(rows[i] - rows[j]) for i, j in pairs])
        assert float(distances[labels == label].mean()) == pytest.approx(expected)
    assert torch.isnan(distances[labels >= 2]).all()


def test_equal_images_have_no_diversity() -> None:
    features = draw(1, 6, 25).expand(5, 6)
    assert distances_within(features, torch.zeros(5)).tolist() == [0.0] * 5

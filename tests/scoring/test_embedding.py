"""Where t-SNE puts features."""

from __future__ import annotations

import numpy as np
import torch

from helpers.features import draw
from vital.scoring.embedding import tsne


def test_tsne_is_seeded_and_separates_clusters() -> None:
    features = torch.cat([draw(15, 8, 7), draw(15, 8, 8) + 20])
    places = tsne(features, perplexity=50.0, seed=1)
    np.testing.assert_array_equal(places, tsne(features, perplexity=50.0, seed=1))
    inside = np.linalg.norm(places[:15] - places[:15].mean(0), axis=1).mean()
    assert np.linalg.norm(places[:15].mean(0) - places[15:].mean(0)) > 2 * inside


def test_tsne_of_equal_features_is_one_place() -> None:
    places = tsne(draw(1, 8, 10).expand(12, 8), perplexity=5.0, seed=0)
    np.testing.assert_array_equal(places, np.zeros((12, 2)))

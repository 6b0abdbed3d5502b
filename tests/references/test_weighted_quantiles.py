"""Relevance-weighted statistics, by their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vital.errors import ArtefactError
from vital.references.weighted_quantiles import RelevanceAccumulator


def test_statistics_are_the_mean_over_images_of_what_each_gives() -> None:
    draws = torch.Generator().manual_seed(1)
    activations = torch.randn(5, 3, 7, generator=draws)
    relevance = torch.randn(5, 3, 7, generator=draws)
    accumulator = RelevanceAccumulator()
    for part in (slice(0, 2), slice(2, 5)):
        accumulator.add(activations[part], relevance[part])
    found = accumulator.finish()

    a, r = activations.double().numpy(), relevance.double().numpy()
    quantiles, importance = np.zeros((3, 7)), np.zeros(3)
    for image in range(5):
        greatest = r[image].max(axis=1)
        importance += (greatest - greatest.min()) / (greatest.max() - greatest.min()) / 5
        for channel in range(3):
            one = r[image, channel]
            mask = (one - one.min()) / (one.max() - one.min())
            quantiles[channel] += np.sort(a[image, channel] * mask) / 5
    np.testing.assert_allclose(found.quantiles, quantiles, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.importance, importance, rtol=1e-5)
    assert found.importance.dtype == np.float32
    assert found.n_images == 5


def test_statistics_of_nothing_or_of_what_is_not_finite_are_refused() -> None:
    with pytest.raises(ArtefactError, match="no images"):
        RelevanceAccumulator().finish()
    accumulator = RelevanceAccumulator()
    relevance = torch.ones(1, 2, 3)
    relevance[0, 0, 0] = torch.nan
    accumulator.add(torch.ones(1, 2, 3), relevance)
    with pytest.raises(ArtefactError, match="not finite"):
        accumulator.finish()

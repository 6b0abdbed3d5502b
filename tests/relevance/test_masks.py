"""Masks and importance, in closed form and by definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vital.errors import ArtefactError
from vital.references.weighted_quantiles import RelevanceAccumulator
from vital.relevance import channel_importance, position_masks


def test_masks_scale_each_channel_of_each_image_over_its_positions() -> None:
    relevance = torch.tensor(
        [[[1.0, 3.0, 2.0], [-2.0, 0.0, 2.0]], [[0.0, 0.0, 4.0], [5.0, 9.0, 5.0]]]
    )
    expected = torch.tensor(
        [[[0.0, 1.0, 0.5], [0.0, 0.5, 1.0]], [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]
    )
    assert torch.equal(position_masks(relevance), expected)


def test_a_channel_that_is_alike_everywhere_counts_if_it_is_relevant() -> None:
    relevance = torch.tensor([[[0.0, 0.0], [2.0, 2.0], [-1.0, -1.0]]])
    assert torch.equal(position_masks(relevance)[0, :, 0], torch.tensor([0.0, 1.0, 0.0]))
    assert torch.equal(position_masks(torch.tensor([[[3.0]]])), torch.ones(1, 1, 1))


def test_importance_scales_the_channels_greatest_relevance_within_an_image() -> None:
    relevance = torch.tensor(
        [[[1.0, 5.0], [0.0, 3.0], [1.0, -4.0]], [[2.0, 2.0], [2.0, 1.0], [0.0, 2.0]]]
    )
    expected = torch.tensor([[1.0, 0.5, 0.0], [1.0, 1.0, 1.0]])
    assert torch.equal(channel_importance(relevance), expected)


@given(seed=st.integers(0, 1000), shape=st.tuples(*[st.integers(1, 4)] * 3))
def test_masks_and_importance_lie_between_0_and_1(seed: int, shape: tuple[int, ...]) -> None:
    relevance = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).round()
    for scaled in (position_masks(relevance), channel_importance(relevance)):
        assert bool(((scaled >= 0) & (scaled <= 1)).all())
    shifted = position_masks(3 * relevance.abs() + 7)
    spread = relevance.abs().amax(-1) > relevance.abs().amin(-1)
    torch.testing.assert_close(shifted[spread], position_masks(relevance.abs())[spread])


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

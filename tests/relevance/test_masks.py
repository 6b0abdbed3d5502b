"""Masks and importance, in closed form and by definition."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

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

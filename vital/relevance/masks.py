"""From relevance to masks and the importance of channels (paper section 4)."""

from __future__ import annotations

import torch

from vital.networks.taps.reader import INPUT_TAP


def position_masks(relevance: torch.Tensor) -> torch.Tensor:
    """Scale relevance (B, C, D) to [0, 1] over the positions of each image's channel.

    Where a channel is equally relevant at all positions its mask is 1 if it is relevant at all
    (above 0), else 0.
    """
    return _to_unit_range(relevance)


def channel_importance(relevance: torch.Tensor) -> torch.Tensor:
    """How much each image's channels matter in [0, 1]: (B, C, D) to (B, C).

    A channel counts as much as its most relevant position; an image's channels are scaled together,
    least to most. Where all are alike they count 1 if they are relevant at all, else 0.
    """
    return _to_unit_range(relevance.amax(dim=-1))


def shared_over_colours(tap: str, relevance: torch.Tensor) -> torch.Tensor:
    """Relevance (B, C, D) fit to weigh the tap's activations.

    At the tap ``input`` activations are opponent colours while relevance is that of red, green and
    blue: there a pixel's relevance is shared equally between its colours.
    """
    if tap != INPUT_TAP:
        return relevance
    return relevance.mean(dim=1, keepdim=True).expand_as(relevance)


def _to_unit_range(values: torch.Tensor) -> torch.Tensor:
    """Scale the last axis so that its least value is 0 and its greatest 1."""
    low = values.amin(dim=-1, keepdim=True)
    span = values.amax(dim=-1, keepdim=True) - low
    alike = (values > 0).to(values.dtype)
    return torch.where(span == 0, alike, (values - low) / span.where(span != 0, 1.0))

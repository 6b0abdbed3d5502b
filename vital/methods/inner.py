"""VITAL for inner units: match what is relevant to the unit, not all that is active (section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vital.activations import TapReader
from vital.relevance import RelevanceReader, Start, position_masks, shared_over_colours


class MaskedRead:
    """Reads activations times masks, as :data:`vital.methods.vital.Read` says.

    The images' masks are computed anew every ``every`` steps and are constants in the gradient;
    ``starts`` says where each image's relevance starts. Where a unit does not respond to an image
    there is no relevance to go by: until it does, all that is active counts.
    """

    def __init__(
        self, reader: TapReader, relevance: RelevanceReader, starts: Sequence[Start], every: int
    ) -> None:
        self._reader = reader
        self._relevance = relevance
        self._starts = starts
        self._every = every
        self._masks: dict[str, torch.Tensor] = {}

    def __call__(self, images: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        if step % self._every == 0:
            reading = self._relevance(images, self._starts)
            self._masks = {
                tap: _masks(shared_over_colours(tap, relevance))
                for tap, relevance in reading.relevance.items()
            }
            activations = reading.activations
        else:
            with self._reader:
                activations = self._reader(images)
        return {tap: value * self._masks[tap] for tap, value in activations.items()}


def _masks(relevance: torch.Tensor) -> torch.Tensor:
    """The masks of a tap's relevance (B, C, D); ones for an image that has none."""
    any_relevant = (relevance != 0).flatten(1).any(dim=1)[:, None, None]
    return torch.where(any_relevant, position_masks(relevance), 1.0)

"""VITAL for inner units: match what is relevant to the unit, not all that is active (section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from vital.activations import TapReader
from vital.methods.vital import SortMatchingObjective
from vital.params.visualize import MethodParams
from vital.relevance import RelevanceReader, Start, position_masks, shared_over_colours
from vital.statistics import UnitStatistics


class RelevanceMatchingObjective(SortMatchingObjective):
    """Sort matching of activations times masks, each channel weighed by its importance.

    The images' masks are computed anew every ``every`` steps and are constants in the gradient;
    ``starts`` says where each image's relevance starts.
    """

    def __init__(
        self,
        reader: TapReader,
        relevance: RelevanceReader,
        starts: Sequence[Start],
        every: int,
        statistics: Sequence[UnitStatistics],
        weights: Sequence[Mapping[str, float]],
        positions: Mapping[str, int],
        params: MethodParams,
        device: torch.device,
    ) -> None:
        super().__init__(reader, statistics, weights, positions, params, device)
        self._relevance = relevance
        self._starts = starts
        self._every = every
        self._masks: dict[str, torch.Tensor] = {}

    def _activations(self, images: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        if step % self._every == 0:
            reading = self._relevance(images, self._starts)
            self._masks = {
                tap: position_masks(shared_over_colours(tap, relevance))
                for tap, relevance in reading.relevance.items()
            }
            activations = reading.activations
        else:
            with self._reader:
                activations = self._reader(images)
        return {tap: value * self._masks[tap] for tap, value in activations.items()}

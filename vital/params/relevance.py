"""Block ``relevance``: how relevance of inner units is computed, and what is kept of it."""

from __future__ import annotations

from typing import Literal

from vital.params.base import BatchSize, Block, Names, Natural
from vital.params.ray import PlacedParams


class MaskParams(Block):
    """What determines relevance (paper section 4).

    ``start``: a unit's whole map, or the one ``position`` that points most in its direction
    ("restricted"). ``composite`` null does without relevance: every mask and importance is one.
    """

    composite: Literal["vital", "canonical", "guided_backpropagation"] | None = "vital"
    start: Literal["channel", "position"] = "channel"


class RelevanceParams(MaskParams, PlacedParams):
    """Where relevance is read, and what is kept of it.

    ``taps`` are read as far as they lie before a unit (null: the taps of extract, or the network's
    own); ``shown`` references of each unit keep their heat maps.
    """

    taps: Names | None = None
    shown: Natural = 5
    batch: BatchSize = 10
    device: str = "auto"

    def masks(self) -> MaskParams:
        """The part that masks depend on."""
        return MaskParams(composite=self.composite, start=self.start)

"""Sets of a unit's reference images: each seed's image is matched to one of them.

The barycenter of many images is what they have in common, so that images of different seeds are
much alike. Those of disjoint sets of the same images differ as the sets do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from vital.runtime.generators import generator
from vital.units import Target


class ReferenceSet(NamedTuple):
    """One of a unit's sets; ``unit`` is its id, ``number`` counts from 0."""

    unit: str
    number: int = 0

    @property
    def id(self) -> str:
        """The key of a set among those of all units."""
        return f"{self.unit}/set-{self.number}"


def draw_sets(count: int, sets: int, seed: int, unit: str) -> np.ndarray:
    """The set (N,) of each of a unit's ``count`` images: drawn, of equal sizes or nearly so."""
    if sets == 1:
        return np.zeros(count, dtype=np.int64)
    order = torch.randperm(count, generator=generator(seed, "reference sets", unit))
    drawn = np.empty(count, dtype=np.int64)
    drawn[order.numpy()] = np.arange(count) % sets
    return drawn


def set_of(target: Target, sets: int) -> ReferenceSet:
    """The one of its unit's ``sets`` that a target's image is matched to: seeds take turns."""
    return ReferenceSet(target.unit.id, target.seed % sets)

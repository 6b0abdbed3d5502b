"""Quantile functions of feature values per unit, tap and channel: accumulate, merge, keep.

The squared 2-Wasserstein distance between two empirical distributions of n values each is the mean
squared difference of their sorted values, so the mean of several images' sorted values is the
quantile function of their 2-Wasserstein barycenter (paper section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vital.errors import ArtefactError
from vital.runtime.sorting import sorted_values


@dataclass(frozen=True)
class TapStatistics:
    """What is kept of one unit's reference images at one tap.

    ``quantiles`` (C, D): mean sorted activations per channel; ``mean`` and ``std`` (C,): over all
    positions and images; ``importance`` (C,): weight of each channel in the loss (1 for classes).
    """

    quantiles: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    importance: np.ndarray
    n_images: int


class Accumulator:
    """Running sums of one unit's statistics at one tap; memory does not grow with the images."""

    def __init__(self) -> None:
        self._sorted: np.ndarray | None = None
        self._squares: np.ndarray | None = None
        self._count = 0

    def add(self, activations: torch.Tensor) -> None:
        """Take in the activations of a batch of images, (B, C, D)."""
        ordered = sorted_values(activations.detach())
        squares = torch.linalg.vector_norm(ordered, dim=(0, 2), dtype=torch.float64).square()
        total = ordered.sum(dim=0, dtype=torch.float64)
        self._include(total.cpu().numpy(), squares.cpu().numpy(), len(ordered))

    def merge(self, other: Accumulator) -> None:
        """Take in everything that ``other`` has seen."""
        if other._sorted is not None and other._squares is not None:
            self._include(other._sorted, other._squares, other._count)

    def finish(self, where: str = "") -> TapStatistics:
        """The statistics of all images seen.

        Raises ArtefactError, which says ``where``, when there was none, or a value is not finite.
        """
        if self._sorted is None or self._squares is None:
            raise ArtefactError("no images were accumulated")
        quantiles = self._sorted / self._count
        mean = quantiles.mean(axis=1)
        variance = self._squares / (self._count * quantiles.shape[1]) - np.square(mean)
        if not np.isfinite(variance).all():
            place = f"{where}: " if where else ""
            raise ArtefactError(f"{place}activations of the reference images are not finite")
        return TapStatistics(
            quantiles=quantiles.astype(np.float32),
            mean=mean.astype(np.float32),
            std=np.sqrt(np.maximum(variance, 0.0)).astype(np.float32),
            importance=np.ones(len(quantiles), dtype=np.float32),
            n_images=self._count,
        )

    def _include(self, ordered: np.ndarray, squares: np.ndarray, count: int) -> None:
        if self._sorted is None or self._squares is None:
            self._sorted, self._squares = ordered.copy(), squares.copy()
        else:
            self._sorted += ordered
            self._squares += squares
        self._count += count


def resample(quantiles: torch.Tensor, positions: int) -> torch.Tensor:
    """Average a step quantile function (..., m) over each of ``positions`` equal bins.

    The mean squared difference between n sorted values and the result, plus the variance that the
    step function has within the bins, is the squared 2-Wasserstein distance between the two.
    """
    known = quantiles.shape[-1]
    if known == positions:
        return quantiles
    exact = quantiles.to(torch.float64)
    integral = torch.nn.functional.pad(exact.cumsum(-1) / known, (1, 0))
    edges = torch.arange(positions + 1, dtype=torch.float64, device=quantiles.device)
    place = edges * known / positions
    left = place.floor().long().clamp(max=known - 1)
    share = place - left
    at_edges = integral[..., left] + share * (integral[..., left + 1] - integral[..., left])
    return (at_edges.diff(dim=-1) * positions).to(quantiles.dtype)


UnitStatistics = Mapping[str, TapStatistics]
"""A unit's statistics per tap, in the order of the taps (names as in vital.references.pooling)."""


def to_tensors(statistics: UnitStatistics) -> dict[str, torch.Tensor]:
    """Everything that is kept of a unit, named by tap and field."""
    return {
        f"{tap}:{name}": torch.from_numpy(np.asarray(value))
        for tap, one in statistics.items()
        for name, value in vars(one).items()
    }


def from_tensors(tensors: Mapping[str, torch.Tensor], taps: Sequence[str]) -> UnitStatistics:
    """What :func:`to_tensors` was given, at these taps in their order."""
    return {
        tap: TapStatistics(
            quantiles=tensors[f"{tap}:quantiles"].numpy(),
            mean=tensors[f"{tap}:mean"].numpy(),
            std=tensors[f"{tap}:std"].numpy(),
            importance=tensors[f"{tap}:importance"].numpy(),
            n_images=int(tensors[f"{tap}:n_images"]),
        )
        for tap in taps
    }

"""VITAL: match the feature distributions of real images of a class (paper sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from vital.activations import TapReader
from vital.errors import ParamsError, nearest
from vital.objectives import l2_norm, sort_matching, total_variation
from vital.params.visualize import MethodParams
from vital.statistics import TapStatistics, UnitStatistics, resample

Read = Callable[[torch.Tensor, int], dict[str, torch.Tensor]]
"""What is matched at each tap (B, C, D), of images (B, 3, H, W) at a step."""


def read_all(reader: TapReader) -> Read:
    """Match all that is active, at every step."""
    return lambda images, _step: reader(images)


class SortMatchingObjective:
    """``feat_dist * sum_l weight_l * loss_l + tv * TV(x) + l2 * ||x||_2``, per image.

    ``statistics`` holds one entry per image of the batch. The parts are the taps' unweighted
    losses and the two unweighted priors.
    """

    def __init__(
        self,
        read: Read,
        statistics: Sequence[UnitStatistics],
        weights: Sequence[Mapping[str, float]],
        positions: Mapping[str, int],
        params: MethodParams,
        device: torch.device,
    ) -> None:
        self._read = read
        self._params = params
        self._taps = [
            _TapTarget.of(tap, statistics, weights, positions[tap], device) for tap in positions
        ]

    def __call__(
        self, images: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        activations = self._read(images, step)
        parts = {
            tap.name: sort_matching(activations[tap.name], tap.quantiles, tap.importance)
            for tap in self._taps
        }
        weighted = [tap.weight * parts[tap.name] for tap in self._taps]
        total = self._params.feat_dist * torch.stack(weighted).sum(dim=0)
        parts["tv"] = total_variation(images)
        parts["l2"] = l2_norm(images)
        total = total + self._params.tv * parts["tv"] + self._params.l2 * parts["l2"]
        return total, parts


class _TapTarget:
    """What the images of a batch are to match at one tap."""

    def __init__(
        self,
        name: str,
        quantiles: torch.Tensor,
        importance: torch.Tensor,
        weight: torch.Tensor,
    ) -> None:
        self.name = name
        self.quantiles = quantiles  # (B, C, D)
        self.importance = importance  # (B, C)
        self.weight = weight  # (B,)

    @classmethod
    def of(
        cls,
        tap: str,
        statistics: Sequence[UnitStatistics],
        weights: Sequence[Mapping[str, float]],
        positions: int,
        device: torch.device,
    ) -> _TapTarget:
        quantiles = [resample(torch.from_numpy(s[tap].quantiles), positions) for s in statistics]
        importance = [torch.from_numpy(s[tap].importance) for s in statistics]
        return cls(
            tap,
            torch.stack(quantiles).to(device),
            torch.stack(importance).to(device),
            torch.tensor([w[tap] for w in weights], dtype=torch.float32, device=device),
        )


def tap_weights(
    statistics: UnitStatistics, defaults: Mapping[str, float], params: MethodParams
) -> dict[str, float]:
    """The weight of each tap for one unit, by ``params.weights`` and ``params.weighting``.

    Taps without a weight have 1. Raises ParamsError when a weight is given for a tap that has no
    statistics.
    """
    given = defaults if params.weights is None else params.weights
    unknown = [tap for tap in params.weights or () if tap not in statistics]
    if unknown:
        raise ParamsError(
            f"visualize.weights names {unknown[0]!r}, a tap without statistics; "
            + nearest(unknown[0], statistics)
        )
    weights = {tap: given.get(tap, 1.0) for tap in statistics}
    if params.weighting == "plain":
        return weights
    return {tap: weights[tap] * _inverse_variance(kept) for tap, kept in statistics.items()}


def _inverse_variance(statistics: TapStatistics) -> float:
    return float(1.0 / max(float(np.var(statistics.quantiles, dtype=np.float64)), 1e-12))

"""VITAL: match the feature distributions of real images of a class (paper sections 2 and 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch

from vital.errors import ParamsError, nearest
from vital.methods.base import JitteredMethod, MethodInputs, Setup
from vital.methods.image_spaces import ImageSpace, PixelSpace, space_of
from vital.methods.objectives import (
    Objective,
    l2_norm,
    mmd_matching,
    moment_matching,
    sort_matching,
    total_variation,
)
from vital.methods.parametrizations import Parametrization
from vital.methods.schedule import phases
from vital.networks.taps.reader import TapReader
from vital.params.visualize import MethodParams
from vital.references.pooling import at_pool, pooled_shapes
from vital.references.quantiles import TapStatistics, UnitStatistics, resample
from vital.references.reference_sets import ReferenceSet, set_of
from vital.runtime.files import digest
from vital.units import Target, Unit

Read = Callable[[torch.Tensor, int], dict[str, torch.Tensor]]
"""What is matched at each tap (B, C, D), of images (B, 3, H, W) at a step."""

Match = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""The loss (B,) of activations (B, C, D) to quantiles (B, C, D), with importance (B, C)."""


def matching(name: str) -> Match:
    """The loss that ``visualize.matching`` names."""
    return {"sort": sort_matching, "moments": moment_matching, "mmd": mmd_matching}[name]


def read_all(reader: TapReader) -> Read:
    """Match all that is active, at every step."""
    return lambda images, _step: reader(images)


class VitalMethod(JitteredMethod):
    """Sort matching of classes' feature distributions; ``statistics`` are those of each one's sets.

    ``space`` is what images are made of, until their pixels are polished. Raises ParamsError for a
    phase's pool that is larger than the images, and ModelError for a network that refuses images of
    a phase's size.
    """

    def __init__(
        self,
        setup: Setup,
        statistics: Mapping[ReferenceSet, UnitStatistics],
        params: MethodParams,
        space: ImageSpace,
    ) -> None:
        self.taps = list(at_pool(next(iter(statistics.values())), 1))
        super().__init__(setup, params, space, (*self.taps, "tv", "l2"))
        self._matching = params
        self._pixels = PixelSpace(setup.model.preprocessing, params.clamp)
        self._polished_after = phases(params)[-1].first if params.polish else None
        self._statistics = statistics
        self._sets = Counter(one.unit for one in statistics)
        self._digests: dict[ReferenceSet, str] = {}
        self._reader = TapReader(setup.model.network, self.taps, compiled=setup.compiled)
        self._positions = {
            phase.pool: self._count_positions(phase.pool) for phase in phases(params)
        }

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``visualize`` asks for."""
        params = run.visualize.method()
        space = space_of(params, run.setup.model.preprocessing, run.image_statistics)
        return cls(run.setup, run.statistics(), params, space)

    def facts(self) -> dict[str, Any]:
        """The settings and the default weights."""
        return {
            "method": "vital",
            "params": self._matching.model_dump(mode="json"),
            "default_weights": self.setup.model.taps,
        }

    def parametrize(self, latents: torch.Tensor, step: int) -> Parametrization:
        """As of any method; the pixels themselves once the next step polishes them."""
        polished_after = self._polished_after
        if polished_after is None or step < polished_after:
            return self.space.parametrize(latents)
        if step == polished_after:
            latents = self.space.parametrize(latents).images().detach()
        return self._pixels.parametrize(latents)

    def followed(self, unit: Unit) -> list[str]:  # noqa: ARG002 (of one tap, they all do)
        """Those that are matched."""
        return self.taps

    def target_facts(self, target: Target) -> Any:
        """The statistics that its image is matched to."""
        matched = self._matched(target)
        if matched not in self._digests:
            self._digests[matched] = _statistics_digest(self._statistics[matched])
        return self._digests[matched]

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """What is matched, at each resolution.

        Raises ParamsError where there are no statistics of equally pooled references.
        """
        with self.reading(targets) as read:
            yield {pool: self._objective(read, targets, pool) for pool in self._positions}

    @contextmanager
    def reading(self, targets: Sequence[Target]) -> Iterator[Read]:  # noqa: ARG002 (others differ)
        """How images for these targets are read while they are made."""
        with self._reader:
            yield read_all(self._reader)

    def _matched(self, target: Target) -> ReferenceSet:
        return set_of(target, self._sets[target.unit.id])

    def _count_positions(self, pool: int) -> dict[str, int]:
        """How many positions each tap has for images that are pooled so."""
        shapes = pooled_shapes(self.setup.model, self.taps, pool)
        return {tap: positions for tap, (_, positions) in shapes.items()}

    def _objective(self, read: Read, targets: Sequence[Target], pool: int) -> MatchingObjective:
        kept = [at_pool(self._statistics[self._matched(target)], pool) for target in targets]
        if not all(kept):
            raise ParamsError(
                f"visualize.coarse.pool: no statistics of images pooled by {pool}; "
                f"extract.pools must hold {pool}"
            )
        weights = [tap_weights(one, self.setup.model.taps, self._matching) for one in kept]
        return MatchingObjective(
            read, kept, weights, self._positions[pool], self._matching, self.setup.device
        )


class MatchingObjective:
    """``feat_dist * sum_l weight_l * loss_l + tv * TV(x) + l2 * ||x||_2``, per image.

    ``statistics`` holds one entry per image of the batch. ``params.matching`` says what of the
    distributions is matched. The parts are the taps' unweighted losses and the two unweighted
    priors.
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
        self._match = matching(params.matching)
        self._taps = [
            _TapTarget.of(tap, statistics, weights, positions[tap], device) for tap in positions
        ]

    def __call__(
        self, shown: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        activations = self._read(shown, step)
        parts = {
            tap.name: self._match(activations[tap.name], tap.quantiles, tap.importance)
            for tap in self._taps
        }
        weighted = [tap.weight * parts[tap.name] for tap in self._taps]
        total = self._params.feat_dist * torch.stack(weighted).sum(dim=0)
        parts["tv"] = total_variation(shown)
        parts["l2"] = l2_norm(shown)
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
    """The weight of each tap for one unit, by ``params.tap_weights`` and ``params.weighting``.

    Taps without a weight have 1. Raises ParamsError when a weight is given for a tap that has no
    statistics.
    """
    given = defaults if params.tap_weights is None else params.tap_weights
    check_weighted(params.tap_weights or (), statistics)
    weights = {tap: given.get(tap, 1.0) for tap in statistics}
    if params.weighting == "plain":
        return weights
    return {tap: weights[tap] * _inverse_variance(kept) for tap, kept in statistics.items()}


def check_weighted(weighted: Iterable[str], statistics: Iterable[str]) -> None:
    """Raise ParamsError, a line for each, for ``weighted`` taps that are none of ``statistics``."""
    known = list(statistics)
    faults = [
        f"visualize.tap_weights names {tap!r}, a tap without statistics; {nearest(tap, known)}"
        for tap in weighted
        if tap not in known
    ]
    if faults:
        raise ParamsError("\n".join(faults))


def _inverse_variance(statistics: TapStatistics) -> float:
    return float(1.0 / max(float(np.var(statistics.quantiles, dtype=np.float64)), 1e-12))


def _statistics_digest(kept: UnitStatistics) -> str:
    return digest(
        {
            tap: [
                one.quantiles.shape,
                digest(one.quantiles.tobytes().hex()),
                digest(one.importance.tobytes().hex()),
            ]
            for tap, one in kept.items()
        }
    )

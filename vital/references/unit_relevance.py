"""Relevance-weighted statistics of inner units' reference patches (paper section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from vital.artefacts.columns import PATH
from vital.artefacts.patches import PATCH
from vital.artefacts.relevance import MASK, mask_row, write_masks
from vital.errors import ModelError, ParamsError
from vital.images.files import write_png
from vital.images.loading import batches
from vital.networks.model import StudiedModel
from vital.networks.taps.module_outputs import module_outputs
from vital.networks.taps.reader import INPUT_TAP, locate
from vital.params.relevance import RelevanceParams
from vital.references.extract import extract_statistics
from vital.references.pooling import pooled, pooled_tap, pooled_taps
from vital.references.quantiles import TapStatistics, UnitStatistics, from_tensors, to_tensors
from vital.references.statistics_files import write_statistics
from vital.references.weighted_quantiles import RelevanceAccumulator
from vital.relevance import (
    RelevanceReader,
    composite,
    shared_over_colours,
)
from vital.relevance.starts import start_of
from vital.units import Unit

_HEAT = "heat maps"

_CLIPPED = 99.0
"""Heat maps are scaled by this percentile of their own values, so that no pixel outshines all."""


@dataclass(frozen=True)
class UnitRelevance:
    """One unit's statistics per tap, and heat maps (count, H, W) in 0..1 of its best patches."""

    unit: Unit
    statistics: dict[str, TapStatistics]
    heat_maps: torch.Tensor

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """All but the unit."""
        return {**to_tensors(self.statistics), _HEAT: self.heat_maps}

    @classmethod
    def from_tensors(
        cls, unit: Unit, taps: Sequence[str], tensors: Mapping[str, torch.Tensor]
    ) -> UnitRelevance:
        """What :meth:`to_tensors` gave, at these taps in their order."""
        return cls(unit, dict(from_tensors(tensors, taps)), tensors[_HEAT])


@dataclass
class _Heat:
    """Collects the heat maps of the first images."""

    wanted: int
    kept: list[torch.Tensor] = field(default_factory=list)

    def add(self, relevance: torch.Tensor, size: tuple[int, int]) -> None:
        missing = self.wanted - sum(len(part) for part in self.kept)
        if missing > 0:
            self.kept.append(heat_maps(relevance[:missing], size))

    def maps(self) -> torch.Tensor:
        return torch.cat(self.kept) if self.kept else torch.empty(0, 0, 0)


def taps_until(
    model: StudiedModel, taps: Sequence[str], lasts: Iterable[str]
) -> dict[str, list[str]]:
    """For each of ``lasts`` those of ``taps`` that run before it, in their order, and itself.

    Raises ParamsError where none of them does, and ModelError for taps that cannot be read.
    """
    ends = list(dict.fromkeys(lasts))
    for tap in (*taps, *ends):
        if tap != INPUT_TAP:
            locate(model.network, tap)
    outputs = module_outputs(model.network, model.preprocessing.size)
    order = [INPUT_TAP, *(output.tap for output in outputs)]
    for tap in (*taps, *ends):
        if tap not in order:
            raise ModelError(f"tap {tap!r} gives nothing that can be read")
    return {last: _until(order, taps, last) for last in ends}


def _until(order: Sequence[str], taps: Sequence[str], last: str) -> list[str]:
    before = [tap for tap in order[: order.index(last)] if tap in taps]
    if not before:
        raise ParamsError(f"relevance.taps: none of {', '.join(taps)} runs before {last!r}")
    return [*before, last]


def unit_relevance(
    model: StudiedModel,
    unit: Unit,
    taps: Sequence[str],
    folder: Path,
    patches: pd.DataFrame,
    params: RelevanceParams,
    pools: Sequence[int] = (),
) -> UnitRelevance:
    """Read one unit's reference patches (rows with ``patch`` below ``folder``, the best first).

    Statistics are of the patches at full size and average-pooled by each of ``pools``. Without a
    composite activations are not weighed, and there are no heat maps.
    """
    paths = patches.rename(columns={PATCH: PATH})[[PATH]]
    loaded = (images for _, images in batches(folder, paths, model.preprocessing, params.batch))
    device = next(model.network.parameters()).device
    moved = (images.to(device) for images in loaded)
    if params.composite is None:
        named = (([unit.id] * len(images), images) for images in moved)
        ((_, plain),) = extract_statistics(model, taps, named, device, pools)
        return UnitRelevance(unit, plain, torch.empty(0, 0, 0))
    kept = {tap: RelevanceAccumulator() for tap in pooled_taps(taps, pools)}
    heat = _Heat(params.shown)
    with RelevanceReader(
        model.network, dict.fromkeys([*taps, INPUT_TAP]), composite(params.composite)
    ) as read:
        for images, pool in ((images, pool) for images in moved for pool in (1, *pools)):
            reading = read(pooled(images, pool), [start_of(unit, params)] * len(images))
            for tap in taps:
                relevance = shared_over_colours(tap, reading.relevance[tap])
                kept[pooled_tap(tap, pool)].add(reading.activations[tap], relevance)
            if pool == 1:
                heat.add(reading.relevance[INPUT_TAP], model.preprocessing.size)
    finished = {tap: accumulator.finish() for tap, accumulator in kept.items()}
    return UnitRelevance(unit, finished, heat.maps())


@dataclass(frozen=True)
class UnitParts:
    """Makes units' relevance, each a part, of each one's ``patches`` below ``folder``.

    ``until`` has the taps to read for each tap of a unit, ``pools`` at which further sizes.
    """

    model: StudiedModel
    units: Mapping[str, Unit]
    until: Mapping[str, Sequence[str]]
    folder: Path
    patches: Mapping[str, pd.DataFrame]
    params: RelevanceParams
    pools: Sequence[int]

    def __call__(self, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """The relevance of the units of these names."""
        for unit in (self.units[name] for name in names):
            mine = self.patches[unit.id]
            until = self.until[unit.tap]
            yield unit_relevance(
                self.model, unit, until, self.folder, mine, self.params, self.pools
            ).to_tensors()


def heat_maps(relevance: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Positive relevance of pixels (B, 3, H * W) as maps (B, H, W) in 0..1, summed over colours.

    ``size`` is (height, width).
    """
    summed = relevance.sum(dim=1).clamp(min=0.0)
    top = torch.quantile(summed, _CLIPPED / 100, dim=1, keepdim=True)
    scaled = (summed / top.where(top > 0, 1.0)).clamp(0.0, 1.0)
    return scaled.view(len(relevance), *size)


def write_relevance(
    folder: Path, taps: Sequence[str], metadata: Mapping[str, str], found: Iterable[UnitRelevance]
) -> None:
    """Write statistics per tap, heat maps as PNGs, and a row for each of these."""
    rows: list[dict[str, object]] = []

    def kept() -> Iterator[tuple[str, UnitStatistics]]:
        for one in found:
            rows.extend(_write_heat_maps(folder, one))
            yield one.unit.id, one.statistics

    write_statistics(folder, taps, metadata, kept())
    write_masks(folder, rows)


def _write_heat_maps(folder: Path, one: UnitRelevance) -> Iterator[dict[str, object]]:
    for rank, heat in enumerate(one.heat_maps):
        row = mask_row(one.unit, rank)
        array = heat.mul(255).round().to("cpu", torch.uint8).numpy()
        write_png(folder / row[MASK], array)
        yield row

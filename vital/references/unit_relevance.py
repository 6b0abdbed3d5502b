"""Relevance-weighted statistics of inner units' reference patches (paper section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vital.artefacts.relevance import MASK, mask_row, write_masks
from vital.errors import ArtefactError, ModelError, ParamsError
from vital.images.files import write_png
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel, statistics_metadata
from vital.networks.taps.module_outputs import tap_order
from vital.networks.taps.reader import INPUT_TAP, locate
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.references.extract import extract_statistics
from vital.references.heat_maps import FirstHeatMaps
from vital.references.pooling import pooled, pooled_shapes, pooled_tap, pooled_taps
from vital.references.quantiles import TapStatistics, UnitStatistics, from_tensors, to_tensors
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import write_statistics
from vital.references.weighted_quantiles import RelevanceAccumulator
from vital.relevance import RelevanceReader, composite, shared_over_colours
from vital.relevance.starts import start_of
from vital.runtime.executors import executor
from vital.runtime.files import digest_file
from vital.runtime.partial_results import partial_results_until_done
from vital.runtime.progress import progress_bar
from vital.units import Unit

_HEAT = "heat maps"


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
    order = tap_order(model.network, model.preprocessing.size)
    for tap in (*taps, *ends):
        if tap not in order:
            raise ModelError(f"tap {tap!r} gives nothing that can be read")
    return {last: taps_before(order, taps, last) for last in ends}


def taps_before(order: Sequence[str], taps: Sequence[str], last: str) -> list[str]:
    """Those of ``taps`` that come before ``last`` in an ``order`` of all, and itself.

    Raises ParamsError where none of them does.
    """
    before = [tap for tap in order[: order.index(last)] if tap in taps]
    if not before:
        raise ParamsError(f"relevance.taps: none of {', '.join(taps)} runs before {last!r}")
    return [*before, last]


def unit_relevance(
    model: StudiedModel,
    unit: Unit,
    taps: Sequence[str],
    patches: ImageSet,
    params: RelevanceParams,
    pools: Sequence[int] = (),
) -> UnitRelevance:
    """Read one unit's reference patches, the best first.

    Statistics are of the patches at full size and average-pooled by each of ``pools``. Without a
    composite activations are not weighed, and there are no heat maps.

    Raises ParamsError and ModelError as :func:`extract_statistics` does, and ArtefactError, which
    names unit and tap, for what is not finite.
    """
    loaded = patches.batches(model.preprocessing, params.batch)
    moved = (images.to(model.device) for _, images in loaded)
    if params.composite is None:
        named = (([ReferenceSet(unit.id)] * len(images), images) for images in moved)
        ((_, plain),) = extract_statistics(model, taps, named, model.device, pools)
        return UnitRelevance(unit, plain, torch.empty(0, 0, 0))
    for pool in pools:
        pooled_shapes(model, taps, pool)
    kept = {tap: RelevanceAccumulator() for tap in pooled_taps(taps, pools)}
    heat = FirstHeatMaps(params.shown)
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
    finished = {tap: kept[tap].finish(f"unit {unit.id}, tap {tap!r}") for tap in kept}
    maps = heat.maps()
    if not bool(maps.isfinite().all()):
        raise ArtefactError(f"unit {unit.id}: relevance of pixels is not finite")
    return UnitRelevance(unit, finished, maps)


def write_relevance(
    folder: Path,
    model: StudiedModel,
    patches: Mapping[Unit, ImageSet],
    taps: Sequence[str],
    extract: ExtractParams,
    params: RelevanceParams,
    work: Path,
) -> None:
    """Read each unit's reference patches; write statistics per tap, and heat maps with their table.

    They are kept as those of classes, by ``extract``: at its pools, and at its knots. What is
    finished is kept in ``work`` until all is written. Raises as :func:`taps_until` does.
    """
    until = taps_until(model, taps, (unit.tap for unit in patches))
    make = UnitResults(model, patches, until, extract.pools, params)
    names = list(dict.fromkeys(name for of_tap in make.names.values() for name in of_tap))
    with (
        executor(params, "relevance", model.device, most=1) as execute,
        partial_results_until_done(work, make.facts(), __name__) as parts,
        closing(execute([unit.id for unit in patches], make, parts)) as found,
    ):
        read = (
            UnitRelevance.from_tensors(unit, make.names[unit.tap], part)
            for unit, part in zip(patches, found, strict=True)
        )
        bar = progress_bar(read, total=len(patches), label="relevance", unit="units")
        _write(folder, names, statistics_metadata(model), bar, extract.knots)


@dataclass(frozen=True)
class UnitResults:
    """Makes units' relevance, each a part, of each one's ``patches``.

    ``until`` has the taps to read for each tap of a unit, ``pools`` at which further sizes.
    """

    model: StudiedModel
    patches: Mapping[Unit, ImageSet]
    until: Mapping[str, Sequence[str]]
    pools: Sequence[int]
    params: RelevanceParams

    @property
    def names(self) -> dict[str, list[str]]:
        """What statistics are called, for each tap of a unit: its taps at every size."""
        return {tap: pooled_taps(read, self.pools) for tap, read in self.until.items()}

    def facts(self) -> list[Any]:
        """What determines every part, as plain data."""
        return [
            "relevance",
            statistics_metadata(self.model),
            self.params.facts(),
            self.model.device.type,
            self.model.layout,
            self.names,
            [
                [unit.id, [digest_file(path) for path in images.files]]
                for unit, images in self.patches.items()
            ],
        ]

    def __call__(self, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """The relevance of the units of these names."""
        units = {unit.id: unit for unit in self.patches}
        for unit in (units[name] for name in names):
            until, patches = self.until[unit.tap], self.patches[unit]
            found = unit_relevance(self.model, unit, until, patches, self.params, self.pools)
            yield found.to_tensors()


def _write(
    folder: Path,
    taps: Sequence[str],
    metadata: Mapping[str, str],
    found: Iterable[UnitRelevance],
    knots: int | None,
) -> None:
    rows: list[dict[str, object]] = []

    def kept() -> Iterator[tuple[ReferenceSet, UnitStatistics]]:
        for one in found:
            rows.extend(_write_heat_maps(folder, one))
            yield ReferenceSet(one.unit.id), one.statistics

    write_statistics(folder, taps, metadata, kept(), knots=knots)
    write_masks(folder, rows)


def _write_heat_maps(folder: Path, one: UnitRelevance) -> Iterator[dict[str, object]]:
    for rank, heat in enumerate(one.heat_maps):
        row = mask_row(one.unit, rank)
        array = heat.mul(255).round().to("cpu", torch.uint8).numpy()
        write_png(folder / row[MASK], array)
        yield row

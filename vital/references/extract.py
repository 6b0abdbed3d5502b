"""Stream reference images through a network once and keep their quantile functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from vital.artefacts.columns import LABEL, REFERENCE_SET, SHA256
from vital.artefacts.reference_images import write_references
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel, statistics_metadata
from vital.networks.taps.reader import TapReader
from vital.params.extract import ExtractParams
from vital.references.pooling import pooled, pooled_shapes, pooled_tap, pooled_taps
from vital.references.quantiles import Accumulator, TapStatistics, from_tensors, to_tensors
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import write_statistics
from vital.runtime.executors import executor
from vital.runtime.files import replacing_folder
from vital.runtime.neutral_state import in_neutral_state
from vital.runtime.partial_results import partial_results_until_done
from vital.runtime.progress import progress_bar
from vital.units import class_units

Batch = tuple[Sequence[ReferenceSet], torch.Tensor]
"""The set of each image, and the images (B, 3, H, W) in normalised units."""

_MOST = 8
"""Sets of one task of a cluster: their statistics come back together."""


@in_neutral_state
def extract_statistics(
    model: StudiedModel,
    taps: Sequence[str],
    loaded: Iterable[Batch],
    device: torch.device,
    pools: Sequence[int] = (),
) -> Iterator[tuple[ReferenceSet, dict[str, TapStatistics]]]:
    """Yield each set's statistics at every tap; the images come sorted by set.

    They are of the images at full size and average-pooled by each of ``pools``: one forward pass
    per image and size whatever the number of taps, and one set's sums in memory whatever the
    number of images and sets.

    Raises ParamsError for a pool that is larger than the images, and ModelError for a network that
    does not run on images of a pool's size, or gives what is not finite.
    """
    names = pooled_taps(taps, pools)
    for pool in pools:
        pooled_shapes(model, taps, pool)
    current: ReferenceSet | None = None
    sums: dict[str, Accumulator] = {}
    with TapReader(model.to(device).network, taps) as read:
        for sets, images in loaded:
            values = _read_sizes(read, images.to(device), pools)
            for one, places in _runs(sets):
                if one != current:
                    if current is not None:
                        yield current, _finish(current, sums)
                    current, sums = one, {name: Accumulator() for name in names}
                for name in names:
                    sums[name].add(values[name][places])
    if current is not None:
        yield current, _finish(current, sums)


def write_class_statistics(
    folder: Path,
    model: StudiedModel,
    references: ImageSet,
    params: ExtractParams,
    device: torch.device,
    work: Path,
) -> None:
    """Write the statistics of a manifest's images, set by set, and which images they are of.

    The labels are the network's, and sorted, and so are the sets of each. What is finished is kept
    in ``work`` until ``folder`` is whole.
    """
    make = ClassResults(model.to(device), references, params, device)
    order, names = list(dict.fromkeys(make.sets)), pooled_taps(make.taps, params.pools)
    with (
        executor(params, "extract", device, _MOST) as execute,
        partial_results_until_done(work, make.facts(), __name__) as parts,
        replacing_folder(folder) as written,
        closing(execute([one.id for one in order], make, parts)) as found,
    ):
        kept = ((one, from_tensors(part, names)) for one, part in zip(order, found, strict=True))
        bar = progress_bar(kept, total=len(order), label="extract", unit="sets")
        write_statistics(written, names, statistics_metadata(model), bar, knots=params.knots)
        write_references(written, references.rows)


@dataclass(frozen=True)
class ClassResults:
    """Makes sets' statistics, each a part, of images that are sorted by label and set.

    Batches are cut as they would be in one go over all images, so that the bytes do not depend on
    which sets are made together.
    """

    model: StudiedModel
    images: ImageSet
    params: ExtractParams
    device: torch.device

    @property
    def taps(self) -> list[str]:
        """Those that are asked for, or the network's own."""
        return list(self.params.taps or self.model.taps)

    @cached_property
    def sets(self) -> list[ReferenceSet]:
        """The set of each image."""
        units = {unit.index: unit.id for unit in class_units(self.model.classes)}
        rows = self.images.rows
        numbered = zip(rows[LABEL], rows[REFERENCE_SET], strict=True)
        return [ReferenceSet(units[label], int(number)) for label, number in numbered]

    def facts(self) -> list[Any]:
        """What determines every part, as plain data."""
        return [
            "extract",
            statistics_metadata(self.model),
            self.taps,
            self.params.facts(),
            self.device.type,
            self.model.layout,
            self.sets,
            list(self.images.rows[SHA256]),
        ]

    def __call__(self, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """The statistics of the sets of these ids, which are in the images' order."""
        size, asked = self.params.batch, set(names)
        wanted = [place for place, one in enumerate(self.sets) if one.id in asked]
        first = wanted[0] // size * size
        last = -(-(wanted[-1] + 1) // size) * size
        loaded = self._load(first, last)
        found = extract_statistics(self.model, self.taps, loaded, self.device, self.params.pools)
        # The first and the last batch may hold images of other sets.
        return (to_tensors(statistics) for one, statistics in found if one.id in asked)

    def _load(self, first: int, last: int) -> Iterator[Batch]:
        images = self.images.part(first, last)
        for part, pixels in images.batches(self.model.preprocessing, self.params.batch):
            yield self.sets[first : first + len(part)], pixels
            first += len(part)


@torch.no_grad()
def _read_sizes(
    read: TapReader, images: torch.Tensor, pools: Sequence[int]
) -> dict[str, torch.Tensor]:
    return {
        pooled_tap(tap, pool): value
        for pool in (1, *pools)
        for tap, value in read(pooled(images, pool)).items()
    }


def _runs(sets: Sequence[ReferenceSet]) -> Iterator[tuple[ReferenceSet, slice]]:
    first = 0
    for one, members in groupby(sets):
        last = first + len(list(members))
        yield one, slice(first, last)
        first = last


def _finish(one: ReferenceSet, sums: dict[str, Accumulator]) -> dict[str, TapStatistics]:
    return {tap: sums[tap].finish(f"unit {one.unit}, tap {tap!r}") for tap in sums}

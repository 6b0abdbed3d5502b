"""Stream reference images through a network once and keep their quantile functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd
import torch

from vital.images.loading import batches
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader
from vital.references.pooling import pooled, pooled_tap, pooled_taps
from vital.references.quantiles import Accumulator, TapStatistics, to_tensors

Batch = tuple[Sequence[str], torch.Tensor]
"""The unit of each image, and the images (B, 3, H, W) in normalised units."""


def extract_statistics(
    model: StudiedModel,
    taps: Sequence[str],
    loaded: Iterable[Batch],
    device: torch.device,
    pools: Sequence[int] = (),
) -> Iterator[tuple[str, dict[str, TapStatistics]]]:
    """Yield each unit's statistics at every tap; the images come sorted by unit.

    They are of the images at full size and average-pooled by each of ``pools``: one forward pass
    per image and size whatever the number of taps, and one unit's sums in memory whatever the
    number of images and units.
    """
    names = pooled_taps(taps, pools)
    current: str | None = None
    sums: dict[str, Accumulator] = {}
    with torch.no_grad(), TapReader(model.to(device).network, taps) as read:
        for units, images in loaded:
            values = _read_sizes(read, images.to(device), pools)
            for unit, places in _runs(units):
                if unit != current:
                    if current is not None:
                        yield current, _finish(sums)
                    current, sums = unit, {name: Accumulator() for name in names}
                for name in names:
                    sums[name].add(values[name][places])
    if current is not None:
        yield current, _finish(sums)


@dataclass(frozen=True)
class ClassParts:
    """Makes units' statistics, each a part, of images below ``folder`` sorted by unit.

    ``rows`` is a manifest's, with a column ``unit``. Batches are cut as they would be in one go
    over all of them, so that the bytes do not depend on which units are made together.
    """

    model: StudiedModel
    taps: Sequence[str]
    pools: Sequence[int]
    folder: Path
    rows: pd.DataFrame
    batch: int
    device: torch.device

    def __call__(self, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """The statistics of these units, which are in the images' order."""
        wanted = self.rows["unit"].isin(names).to_numpy().nonzero()[0]
        first = wanted[0] // self.batch * self.batch
        last = -(-(wanted[-1] + 1) // self.batch) * self.batch
        found = extract_statistics(
            self.model, self.taps, self._load(first, last), self.device, self.pools
        )
        # The first and the last batch may hold images of other units.
        return (to_tensors(statistics) for unit, statistics in found if unit in names)

    def _load(self, first: int, last: int) -> Iterator[Batch]:
        rows = self.rows.iloc[first:last]
        for part, images in batches(self.folder, rows, self.model.preprocessing, self.batch):
            yield list(part["unit"]), images


def _read_sizes(
    read: TapReader, images: torch.Tensor, pools: Sequence[int]
) -> dict[str, torch.Tensor]:
    return {
        pooled_tap(tap, pool): value
        for pool in (1, *pools)
        for tap, value in read(pooled(images, pool)).items()
    }


def _runs(units: Sequence[str]) -> Iterator[tuple[str, slice]]:
    first = 0
    for unit, members in groupby(units):
        last = first + len(list(members))
        yield unit, slice(first, last)
        first = last


def _finish(sums: dict[str, Accumulator]) -> dict[str, TapStatistics]:
    return {tap: accumulator.finish() for tap, accumulator in sums.items()}

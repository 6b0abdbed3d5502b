"""Stream reference images through a network once and keep their quantile functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import torch

from vital.activations import TapReader
from vital.models import StudiedModel
from vital.parts import Parts
from vital.pooling import pooled, pooled_tap, pooled_taps
from vital.statistics import (
    Accumulator,
    TapStatistics,
    UnitStatistics,
    from_tensors,
    to_tensors,
)

Batch = tuple[Sequence[str], torch.Tensor]
"""The unit of each image, and the images (B, 3, H, W) in normalised units."""


def extract_statistics(
    model: StudiedModel,
    taps: Sequence[str],
    batches: Iterable[Batch],
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
        for units, images in batches:
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


def resumed_statistics(
    model: StudiedModel,
    taps: Sequence[str],
    units: Sequence[str],
    load: Callable[[int], Iterable[Batch]],
    batch: int,
    device: torch.device,
    pools: Sequence[int],
    parts: Parts,
) -> Iterator[tuple[str, UnitStatistics]]:
    """As :func:`extract_statistics`, with each unit's as a part; ``units`` has one for each image.

    ``load`` gives the batches, of ``batch`` images, from an image on. They are cut as they would be
    in one go, so that the bytes do not depend on where the work was resumed.
    """
    names = pooled_taps(taps, pools)
    order = list(dict.fromkeys(units))
    done = 0
    while done < len(order) and (kept := parts.load(order[done])) is not None:
        yield order[done], from_tensors(kept, names)
        done += 1
    left = order[done:]
    if left:
        first = units.index(left[0]) // batch * batch
        found = extract_statistics(model, taps, load(first), device, pools)
        # The first batch may begin with images of a unit that is done.
        rest = (to_tensors(statistics) for unit, statistics in found if unit in left)
        for unit in left:
            yield unit, from_tensors(parts.make(unit, lambda: next(rest)), names)


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

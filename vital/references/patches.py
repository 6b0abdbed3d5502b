"""The image patches that inner units respond to most: their reference images (paper section 4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from vital.artefacts.columns import CHANNEL, IMAGE, PATH, RANK, SHA256, TAP
from vital.artefacts.patches import (
    BOX,
    CRITERION,
    PATCH,
    SCORE,
    patch_path,
    patches_of,
    write_patch_tables,
)
from vital.errors import DataError, ParamsError
from vital.images.files import write_png
from vital.images.image_set import ImageSet
from vital.images.tensors import to_uint8
from vital.networks.finite import check_finite
from vital.networks.model import StudiedModel, statistics_metadata
from vital.params.references import ReferencesParams
from vital.params.relevance import MaskParams
from vital.references.criteria import Criterion, make_criterion
from vital.relevance.composites import selecting_composite
from vital.runtime.partial_results import PartialResults, Tensors, partial_results_until_done
from vital.runtime.progress import progress_bar
from vital.units import Unit

log = logging.getLogger(__name__)

_RANKING = "ranking"
_BATCHES = 8
"""So many batches of images are ranked between two times that the ranking is kept."""
_IMAGES = 8
"""In the patches of so many images the best is looked for at once."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of the network's input."""


@dataclass(frozen=True)
class Patch:
    """The part ``box`` of the image ``row`` (its place among those searched), and its score."""

    row: int
    box: Box
    score: float


class PatchFinder:
    """Finds the reference patches of many units in one pass over the images, and one over the best.

    It works where the network is, and for the units of ``criterion``. Memory does not grow with
    the number of images. Of equal scores the earlier image comes first.
    """

    def __init__(
        self,
        model: StudiedModel,
        criterion: Criterion,
        images: ImageSet,
        params: ReferencesParams,
        parts: PartialResults | None = None,
    ) -> None:
        self.images = images
        self.params = params
        self._parts = parts or PartialResults()
        self._model = model
        self._criterion = criterion

    def find(self) -> dict[Unit, list[Patch]]:
        """Each unit's patches, best first and each of another image; none for one that is dead.

        A unit is dead if it responds above zero nowhere. Raises ParamsError for patches that are
        larger than the network's input, DataError where there are no images, and ModelError for
        responses that are not finite.
        """
        if not self._criterion.units:
            return {}
        self._check()
        with self._criterion.opened():
            shortlists = self._rank_images()
            return self._rank_patches(shortlists)

    def array(self, patch: Patch) -> np.ndarray:
        """A patch at the network's input size, as bytes (H, W, 3)."""
        return to_uint8(self.pixels(patch))

    def pixels(self, patch: Patch) -> torch.Tensor:
        """A patch at the network's input size, in 0..1, (3, H, W)."""
        image = self._load([patch.row])
        return self._model.preprocessing.denormalize(self._cut(image, [patch.box])[0]).clamp(0, 1)

    def _check(self) -> None:
        check_patch(self.params, self._model.preprocessing.size)
        if not len(self.images):
            raise DataError("there are no images to find reference patches in")

    def _rank_images(self) -> dict[Unit, list[int]]:
        """The rows of each unit's best images; none for a dead one."""
        units = self._criterion.units
        ranking = self._parts.load(_RANKING) or {
            "best": torch.empty(0, len(units), dtype=torch.float64),
            "places": torch.empty(0, len(units), dtype=torch.int64),
            "done": torch.tensor(0),
        }
        with progress_bar(total=len(self.images), label="rank images", unit="images") as bar:
            bar.update(int(ranking["done"]))
            while (done := int(ranking["done"])) < len(self.images):
                ranking = self._parts.make(_RANKING, partial(self._rank_further, ranking))
                bar.update(int(ranking["done"]) - done)
        best, places = ranking["best"], ranking["places"]
        return {
            unit: places[best[:, i] > 0, i].tolist() if float(best[0, i]) > 0 else []
            for i, unit in enumerate(units)
        }

    def _rank_further(self, ranking: Tensors) -> Tensors:
        """The ranking with some more images, from that of the first ``done``.

        ``best`` and ``places`` (shortlist, units): the highest responses and their rows.
        """
        best, places, done = ranking["best"], ranking["places"], int(ranking["done"])
        further = self.images.part(done, done + _BATCHES * self.params.batch)
        for _, pixels in further.batches(self._model.preprocessing, self.params.batch):
            scores = self._criterion.strongest(pixels.to(self._model.device))
            self._check_scores(scores, [*range(done, done + len(scores))])
            here = torch.arange(done, done + len(scores)).unsqueeze(1).expand_as(scores)
            best, order = torch.cat([best, scores]).sort(dim=0, descending=True, stable=True)
            places = torch.cat([places, here]).gather(0, order)[: self.params.shortlist]
            best = best[: self.params.shortlist]
            done += len(scores)
        return {"best": best, "places": places, "done": torch.tensor(done)}

    def _rank_patches(self, shortlists: Mapping[Unit, Sequence[int]]) -> dict[Unit, list[Patch]]:
        boxes = self._boxes()
        found: dict[Unit, list[Patch]] = {unit: [] for unit in shortlists}
        asking: dict[int, list[int]] = {}
        for i, rows in enumerate(shortlists.values()):
            for row in rows:
                asking.setdefault(row, []).append(i)
        units = list(shortlists)
        wanted = sorted(asking)
        starts = range(0, len(wanted), _IMAGES)
        for first in progress_bar(
            starts, total=len(starts), label="rank patches", unit=f"x {_IMAGES} images"
        ):
            rows = wanted[first : first + _IMAGES]
            kept = self._parts.get(f"patches {first}", partial(self._best_patches, rows, boxes))
            for k, row in enumerate(rows):
                for i in asking[row]:
                    place, score = int(kept["places"][k, i]), float(kept["scores"][k, i])
                    found[units[i]].append(Patch(row, boxes[place], score))
        return {
            unit: sorted(patches, key=lambda patch: -patch.score)[: self.params.count]
            for unit, patches in found.items()
        }

    def _best_patches(self, rows: Sequence[int], boxes: Sequence[Box]) -> Tensors:
        """Each unit's best box in each image and its score there, (rows, units)."""
        scores = torch.stack([self._score_patches(self._load([row]), boxes) for row in rows])
        self._check_scores(scores.amax(dim=1), rows)
        places = scores.argmax(dim=1)  # of equal scores the first, which max does not promise
        return {"places": places, "scores": scores.gather(1, places.unsqueeze(1)).squeeze(1)}

    def _score_patches(self, image: torch.Tensor, boxes: Sequence[Box]) -> torch.Tensor:
        """The mean response of every unit to each patch of one image, (boxes, units)."""
        parts = torch.split(self._cut(image, boxes), self.params.batch)
        return torch.cat([self._criterion.mean(part) for part in parts])

    def _check_scores(self, scores: torch.Tensor, rows: Sequence[int]) -> None:
        """Raise ModelError where a unit's score of an image, (rows, units), is not finite."""
        if bool(scores.isfinite().all()):
            return
        paths = [str(self.images.rows[PATH].iloc[row]) for row in rows]
        for unit, of_unit in zip(self._criterion.units, scores.T, strict=True):
            check_finite(of_unit.unsqueeze(1), f"the responses of unit {unit.id} to parts", paths)

    def _load(self, rows: Sequence[int]) -> torch.Tensor:
        images = self.images.with_rows(self.images.rows.iloc[list(rows)])
        return images.load(self._model.preprocessing).to(self._model.device)

    def _cut(self, image: torch.Tensor, boxes: Sequence[Box]) -> torch.Tensor:
        """Parts of one image (1, 3, H, W), each enlarged to its size: (boxes, 3, H, W)."""
        parts = [image[..., top:bottom, left:right] for left, top, right, bottom in boxes]
        return functional.interpolate(
            torch.cat(parts), size=self._model.preprocessing.size, mode="bilinear", antialias=True
        )

    def _boxes(self) -> list[Box]:
        """Overlapping squares that cover the image, row by row."""
        side = self.params.patch
        step = max(1, round(self.params.stride * side))
        tops, lefts = (_starts(extent, side, step) for extent in self._model.preprocessing.size)
        return [(left, top, left + side, top + side) for top, left in product(tops, lefts)]


def check_patch(params: ReferencesParams, size: tuple[int, int]) -> None:
    """Raise ParamsError for patches larger than the network's input of (height, width) ``size``."""
    if params.patch > min(size):
        raise ParamsError(
            f"references.patch: {params.patch} pixels are more than the network's "
            f"input, which has {min(size)}"
        )


def _starts(extent: int, side: int, step: int) -> list[int]:
    """Where squares begin along one axis; the last one ends with the image."""
    return sorted({*range(0, extent - side, step), extent - side})


def write_reference_patches(
    folder: Path,
    model: StudiedModel,
    units: Sequence[Unit],
    images: ImageSet,
    params: ReferencesParams,
    masks: MaskParams,
    work: Path,
) -> dict[str, float]:
    """Find the patches of ``units`` among a manifest's ``images`` and write them to ``folder``.

    What is finished is kept in ``work`` until all is written. ``masks`` say which relevance images
    are ranked by, where they are. Returns and raises as :func:`write_patches` and
    :meth:`PatchFinder.find` do.
    """
    criterion = make_criterion(params.criterion, model, units, selecting_composite(masks))
    facts = [
        "references",
        statistics_metadata(model),
        params.model_dump(mode="json"),
        masks.composite,
        model.device.type,
        model.layout,
        [unit.id for unit in units],
        list(images.rows[SHA256]),
    ]
    with partial_results_until_done(work, facts, __name__) as parts:
        finder = PatchFinder(model, criterion, images, params, parts)
        return write_patches(folder, finder, finder.find())


def write_patches(
    folder: Path, finder: PatchFinder, found: Mapping[Unit, Sequence[Patch]]
) -> dict[str, float]:
    """Write every patch as a PNG below ``folder``, the tables, and return what was counted.

    Units without a patch are reported as dead.
    """
    rows: list[dict[str, object]] = []
    paths = list(finder.images.rows[PATH])
    for unit, patches in progress_bar(
        found.items(), total=len(found), label="write patches", unit="units"
    ):
        for rank, patch in enumerate(patches):
            path = patch_path(unit, rank)
            write_png(folder / path, finder.array(patch))
            place = {TAP: unit.tap, CHANNEL: unit.index, RANK: rank}
            kept = {IMAGE: paths[patch.row], BOX: list(patch.box), SCORE: patch.score}
            rows.append({**place, **kept, CRITERION: finder.params.criterion, PATCH: path})
    dead = [unit for unit, patches in found.items() if not patches]
    for unit in dead:
        log.warning("unit %s never fires: it is left out", unit.id)
    write_patch_tables(folder, rows, dead)
    return {"units": len(found) - len(dead), "dead_units": len(dead), "patches": len(rows)}


def unit_patches(folder: Path, table: pd.DataFrame, unit: Unit) -> ImageSet:
    """One unit's reference patches, the best first, of the table and the PNGs below ``folder``."""
    return ImageSet(folder, patches_of(table, unit).rename(columns={PATCH: PATH}))

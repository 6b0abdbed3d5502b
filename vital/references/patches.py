"""The image patches that inner units respond to most: their reference images (paper section 4)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from vital.artefacts.columns import CHANNEL, IMAGE, RANK, TAP
from vital.artefacts.patches import BOX, CRITERION, PATCH, SCORE, patch_path, write_patch_tables
from vital.errors import DataError, ParamsError
from vital.images.files import write_png
from vital.images.loading import batches, load_images
from vital.images.tensors import to_uint8
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader
from vital.params.references import ReferencesParams
from vital.relevance import Composite, RelevanceReader, class_start
from vital.runtime.partial_results import PartialResults, Tensors
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
    """The part ``box`` of the image ``row`` (a place in the manifest's rows), and its score."""

    row: int
    box: Box
    score: float


class Response(ABC):
    """How strongly units respond: a map (B, D) over positions for each of ``units``."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = list(units)
        self.taps = list(dict.fromkeys(unit.tap for unit in units))

    @abstractmethod
    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """The map of each unit in turn, for images (B, 3, H, W)."""

    @abstractmethod
    def opened(self) -> AbstractContextManager[Any]:
        """What has to be open while maps are read."""

    def strongest(self, images: torch.Tensor) -> torch.Tensor:
        """The maximum over positions, (B, units): how images are ranked."""
        return torch.stack([one.amax(dim=1) for one in self.maps(images)], dim=1).cpu().double()

    def mean(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over positions, (B, units): how patches are ranked."""
        return torch.stack([one.mean(dim=1) for one in self.maps(images)], dim=1).cpu().double()


class ActivationResponse(Response):
    """A unit's activations (ActMax)."""

    def __init__(self, model: StudiedModel, units: Sequence[Unit]) -> None:
        super().__init__(units)
        self._reader = TapReader(model.network, self.taps)

    def opened(self) -> AbstractContextManager[Any]:
        return self._reader

    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        with torch.no_grad():
            values = self._reader(images)
        for unit in self.units:
            yield values[unit.tap][:, unit.index]


class RelevanceResponse(Response):
    """A unit's relevance to the class that the network sees (RelMax)."""

    def __init__(self, model: StudiedModel, units: Sequence[Unit], composite: Composite) -> None:
        super().__init__(units)
        self._network = model.network
        self._reader = RelevanceReader(model.network, self.taps, composite)

    def opened(self) -> AbstractContextManager[Any]:
        return self._reader

    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        with torch.no_grad():
            seen = self._network(images).argmax(dim=1).tolist()
        values = self._reader(images, [class_start(index) for index in seen]).relevance
        for unit in self.units:
            yield values[unit.tap][:, unit.index]


class PatchFinder:
    """Finds the reference patches of many units in one pass over the images, and one over the best.

    Memory does not grow with the number of images. Of equal scores the earlier image comes first.
    """

    def __init__(
        self,
        model: StudiedModel,
        response: Response,
        images: Path,
        rows: pd.DataFrame,
        params: ReferencesParams,
        device: torch.device,
        parts: PartialResults | None = None,
    ) -> None:
        self._parts = parts or PartialResults()
        self._model = model.to(device)
        self._response = response
        self._images = images
        self._rows = rows.reset_index(drop=True)
        self._params = params
        self._device = device

    def find(self) -> dict[Unit, list[Patch]]:
        """Each unit's patches, best first and each of another image; none for one that is dead.

        A unit is dead if it responds above zero nowhere. Raises ParamsError for patches that are
        larger than the network's input, and DataError where there are no images.
        """
        if not self._response.units:
            return {}
        self._check()
        with self._response.opened():
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
        side = min(self._model.preprocessing.size)
        if self._params.patch > side:
            raise ParamsError(
                f"references.patch: {self._params.patch} pixels are more than the network's "
                f"input, which has {side}"
            )
        if self._rows.empty:
            raise DataError("there are no images to find reference patches in")

    def _rank_images(self) -> dict[Unit, list[int]]:
        """The rows of each unit's best images; none for a dead one."""
        units = self._response.units
        ranking = self._parts.load(_RANKING) or {
            "best": torch.empty(0, len(units), dtype=torch.float64),
            "places": torch.empty(0, len(units), dtype=torch.int64),
            "done": torch.tensor(0),
        }
        with progress_bar(total=len(self._rows), label="rank images", unit="images") as bar:
            bar.update(int(ranking["done"]))
            while (done := int(ranking["done"])) < len(self._rows):
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
        rows = self._rows.iloc[done : done + _BATCHES * self._params.batch]
        for _, pixels in batches(self._images, rows, self._model.preprocessing, self._params.batch):
            scores = self._response.strongest(pixels.to(self._device))
            here = torch.arange(done, done + len(scores)).unsqueeze(1).expand_as(scores)
            best, order = torch.cat([best, scores]).sort(dim=0, descending=True, stable=True)
            places = torch.cat([places, here]).gather(0, order)[: self._params.shortlist]
            best = best[: self._params.shortlist]
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
            unit: sorted(patches, key=lambda patch: -patch.score)[: self._params.count]
            for unit, patches in found.items()
        }

    def _best_patches(self, rows: Sequence[int], boxes: Sequence[Box]) -> Tensors:
        """Each unit's best box in each image and its score there, (rows, units)."""
        scores = torch.stack([self._score_patches(self._load([row]), boxes) for row in rows])
        places = scores.argmax(dim=1)  # of equal scores the first, which max does not promise
        return {"places": places, "scores": scores.gather(1, places.unsqueeze(1)).squeeze(1)}

    def _score_patches(self, image: torch.Tensor, boxes: Sequence[Box]) -> torch.Tensor:
        """The mean response of every unit to each patch of one image, (boxes, units)."""
        parts = torch.split(self._cut(image, boxes), self._params.batch)
        return torch.cat([self._response.mean(part) for part in parts])

    def _load(self, rows: Sequence[int]) -> torch.Tensor:
        paths = [str(self._rows["path"].iloc[row]) for row in rows]
        return load_images(self._images, paths, self._model.preprocessing).to(self._device)

    def _cut(self, image: torch.Tensor, boxes: Sequence[Box]) -> torch.Tensor:
        """PartialResults of one image (1, 3, H, W), each enlarged to its size: (boxes, 3, H, W)."""
        parts = [image[..., top:bottom, left:right] for left, top, right, bottom in boxes]
        return functional.interpolate(
            torch.cat(parts), size=self._model.preprocessing.size, mode="bilinear", antialias=True
        )

    def _boxes(self) -> list[Box]:
        """Overlapping squares that cover the image, row by row."""
        side = self._params.patch
        step = max(1, round(self._params.stride * side))
        tops, lefts = (_starts(extent, side, step) for extent in self._model.preprocessing.size)
        return [(left, top, left + side, top + side) for top, left in product(tops, lefts)]


def _starts(extent: int, side: int, step: int) -> list[int]:
    """Where squares begin along one axis; the last one ends with the image."""
    return sorted({*range(0, extent - side, step), extent - side})


def response(
    model: StudiedModel, units: Sequence[Unit], criterion: str, composite: Composite
) -> Response:
    """How units respond by ``activation``, or by ``relevance`` under ``composite``."""
    if criterion == "activation":
        return ActivationResponse(model, units)
    return RelevanceResponse(model, units, composite)


def write_patches(
    folder: Path,
    finder: PatchFinder,
    found: Mapping[Unit, Sequence[Patch]],
    paths: Sequence[str],
    criterion: str,
) -> dict[str, float]:
    """Write every patch as a PNG below ``folder``, the tables, and return what was counted.

    ``paths`` names the images by row. Units without a patch are reported as dead.
    """
    rows: list[dict[str, object]] = []
    for unit, patches in progress_bar(
        found.items(), total=len(found), label="write patches", unit="units"
    ):
        for rank, patch in enumerate(patches):
            path = patch_path(unit, rank)
            write_png(folder / path, finder.array(patch))
            place = {TAP: unit.tap, CHANNEL: unit.index, RANK: rank}
            kept = {IMAGE: paths[patch.row], BOX: list(patch.box), SCORE: patch.score}
            rows.append({**place, **kept, CRITERION: criterion, PATCH: path})
    dead = [unit for unit, patches in found.items() if not patches]
    for unit in dead:
        log.warning("unit %s never fires: it is left out", unit.id)
    write_patch_tables(folder, rows, dead)
    return {"units": len(found) - len(dead), "dead_units": len(dead), "patches": len(rows)}

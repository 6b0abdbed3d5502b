"""Patches of channels and what is relevant in them, for a call without a pipeline.

They are found by what the stages run, and kept in the call's own folder under all that determines
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from vital.api.class_statistics import pools_of
from vital.artefacts.chosen_units import distinct_units
from vital.artefacts.columns import PATH, SHA256
from vital.artefacts.patches import read_patches
from vital.errors import DataError, listed
from vital.images.files import to_rgb, write_png
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.images.sampling import sample_any
from vital.images.sources.base import Candidate
from vital.methods.base import Setup
from vital.networks.model import statistics_metadata
from vital.params.data import ReferenceParams as SourceOfImages
from vital.params.extract import ExtractParams
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.references.from_source import MOST_REFERENCES, open_source
from vital.references.patches import unit_patches, write_reference_patches
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import read_statistics
from vital.references.unit_relevance import write_relevance
from vital.runtime.closure import code_digest
from vital.runtime.files import digest, digest_file, replacing_folder
from vital.runtime.progress import progress_bar
from vital.units import Unit

MOST_SEARCHED = 2000
"""In so many images of a source, of any class, patches are looked for."""

RELEVANCE = RelevanceParams()
"""How relevance is computed in calls: as in the paper."""

_PATCH = 64 / 224
"""The side of a patch as a share of the input's: 64 of 224 pixels."""


@dataclass(frozen=True)
class ChannelReferences:
    """The patches of ``units`` in a source's images: ``per_unit`` of each, if that is given.

    ``params`` are as they hold for channels; ``work`` is the folder in which patches and statistics
    are kept.
    """

    setup: Setup
    source: SourceOfImages
    units: Sequence[Unit]
    per_unit: int | None
    params: VisualizeParams
    work: Path

    @cached_property
    def living(self) -> list[Unit]:
        """The units that something excites.

        Raises DataError where none of them is.
        """
        units = distinct_units(read_patches(self._patches))
        if not units:
            raise DataError(
                f"units: none of the {len(self.images)} images of {self.source.source} excites "
                f"{listed(unit.id for unit in self.units)}"
            )
        return units

    @cached_property
    def images(self) -> list[Candidate]:
        """Those that patches are looked for in."""
        images = sample_any(open_source(self.source), MOST_SEARCHED, self.setup.seed, "patches")
        if not images:
            raise DataError(f"{self.source.source} holds no images")
        return images

    def statistics(self, units: Sequence[Unit]) -> Mapping[ReferenceSet, UnitStatistics]:
        """Those of some of the living units, by relevance."""
        return read_statistics(self._relevance, [unit.id for unit in units])

    @cached_property
    def search(self) -> ReferencesParams:
        """How patches are looked for."""
        count = self.per_unit or MOST_REFERENCES
        side = max(1, round(_PATCH * min(self.setup.model.preprocessing.size)))
        return ReferencesParams(count=count, shortlist=2 * count, patch=side)

    @cached_property
    def _patches(self) -> Path:
        """The folder of the patches, which are looked for unless they are there."""
        model = self.setup.model.to(self.setup.device)
        contents = [_sha256(image) for image in self.images]
        facts = [*self._facts(), contents, self.search.model_dump(mode="json")]
        folder = self.work / "patches" / digest(facts)
        if not folder.is_dir():
            with replacing_folder(folder) as new, TemporaryDirectory(dir=self.work) as scratch:
                images = _written(self.images, model.preprocessing, Path(scratch))
                write_reference_patches(
                    new, model, self.units, images, self.search, RELEVANCE.masks(), self.work
                )
        return folder

    @cached_property
    def _relevance(self) -> Path:
        """The folder of the statistics, which are computed unless they are there."""
        model, taps = self.setup.model, list(self.setup.model.taps)
        pools = pools_of(self.params)
        extract = ExtractParams(references=1, batch=self.params.batch, pools=pools)
        relevance = RELEVANCE.model_copy(update={"batch": self.params.batch})
        facts = [*self._facts(), self._patches.name, taps, pools, relevance.facts()]
        folder = self.work / "relevance" / digest(facts)
        if not folder.is_dir():
            table = read_patches(self._patches)
            patches = {unit: unit_patches(self._patches, table, unit) for unit in self.living}
            with replacing_folder(folder) as new:
                write_relevance(new, model, patches, taps, extract, relevance, self.work)
        return folder

    def _facts(self) -> list[object]:
        """What determines patches and statistics alike."""
        model, units = self.setup.model, [unit.id for unit in self.units]
        return [statistics_metadata(model), self.setup.device.type, units, code_digest(__name__)]


def _sha256(image: Candidate) -> str:
    content = image.read()
    content = content if isinstance(content, bytes) else content.tobytes()
    return hashlib.sha256(content).hexdigest()


def _written(images: Sequence[Candidate], preprocessing: Preprocessing, folder: Path) -> ImageSet:
    """What the network sees of the images, as files."""
    rows = []
    bar = progress_bar(images, total=len(images), label="images", unit="images")
    for number, image in enumerate(bar):
        name = f"{number:05d}.png"
        seen = preprocessing.crop(to_rgb(image.read(), image.origin))
        write_png(folder / name, np.asarray(seen))
        rows.append({PATH: name, SHA256: digest_file(folder / name)})
    return ImageSet(folder, pd.DataFrame(rows))

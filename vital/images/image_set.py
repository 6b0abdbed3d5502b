"""A set of images: files of a folder, with a row that says what each of them is."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from PIL import Image

from vital.artefacts.columns import LABEL, PATH
from vital.artefacts.manifest import read_manifest, split_rows
from vital.images.files import read_image
from vital.images.loading import decode_ahead, default_workers
from vital.images.preprocessing import Preprocessing
from vital.images.tensors import from_image


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of ``folder``, a row for each, whose ``path`` is relative to the folder.

    What else a row has depends on whose images they are; a manifest's has ``label``, ``split`` and
    more. Every method that reads images raises UndecodableImageError, which names the file.
    """

    folder: Path
    rows: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> ImageSet:
        """The images of a folder with a manifest.

        Raises ArtefactError where that is missing or damaged.
        """
        return cls(folder, read_manifest(folder))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def files(self) -> list[Path]:
        """Where they lie."""
        return [self.folder / path for path in self.rows[PATH]]

    @property
    def labels(self) -> torch.Tensor:
        """The labels (N,)."""
        return torch.tensor(self.rows[LABEL].to_numpy())

    def with_rows(self, rows: pd.DataFrame) -> ImageSet:
        """Images of the same folder: some of these, or with other columns."""
        return ImageSet(self.folder, rows)

    def part(self, first: int, last: int) -> ImageSet:
        """The images from place ``first`` to before ``last``, or to the end."""
        return self.with_rows(self.rows.iloc[first:last])

    def split(self, name: str) -> ImageSet:
        """The images of one split, in their order.

        Raises DataError when it does not exist or is empty.
        """
        return self.with_rows(split_rows(self.rows, name))

    def load(self, preprocessing: Preprocessing) -> torch.Tensor:
        """All of them as one normalised batch (N, 3, H, W)."""
        crops = [preprocessing.crop(read_image(path)) for path in self.files]
        return _normalised(crops, preprocessing)

    def crops(
        self, preprocessing: Preprocessing, size: int, workers: int | None = None
    ) -> Generator[tuple[ImageSet, list[Image.Image]], None, None]:
        """Batches of ``size`` images in their order, as what a network sees of them.

        The next images are decoded meanwhile, by so many threads (a number of CPUs unless told):
        as many as a batch has or, of small batches, as keep these threads at work.
        """
        workers = workers or default_workers()
        ahead = max(size, 2 * workers)

        def decode(path: Path) -> Image.Image:
            return preprocessing.crop(read_image(path))

        with closing(decode_ahead(decode, self.files, ahead, workers)) as decoded:
            for first in range(0, len(self), size):
                part = self.part(first, first + size)
                yield part, [next(decoded) for _ in range(len(part))]

    def batches(
        self, preprocessing: Preprocessing, size: int, workers: int | None = None
    ) -> Generator[tuple[ImageSet, torch.Tensor], None, None]:
        """As :meth:`crops`, normalised: (B, 3, H, W)."""
        with closing(self.crops(preprocessing, size, workers)) as cropped:
            for part, crops in cropped:
                yield part, _normalised(crops, preprocessing)


def _normalised(crops: Sequence[Image.Image], preprocessing: Preprocessing) -> torch.Tensor:
    return preprocessing.normalize(torch.stack([from_image(crop) for crop in crops]))

"""The pictures that the report takes into its folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from vital.images import read_image, write_png

_LARGEST_PHOTOGRAPH = 512
"""Photographs are shrunk to this side in pixels, so that the folder stays small enough to mail."""


@dataclass(frozen=True)
class Picture:
    """An image of the report's folder."""

    url: str
    width: int
    height: int


class Shelf:
    """The folder of images: a kind and a number for names, as a class may be called anything."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._numbers = count(1)

    def copy(self, source: Path, kind: str) -> Picture:
        """Take a visualization as it is."""
        path = self._next(kind)
        shutil.copyfile(source, path)
        return self._picture(path, read_image(source))

    def shrink(self, source: Path, kind: str) -> Picture:
        """Take a photograph of any format and size as a PNG without metadata."""
        return self.draw(read_image(source), kind)

    def draw(self, image: Image.Image, kind: str) -> Picture:
        """As :func:`shrink`, for an image that is no file."""
        path = self._next(kind)
        image.thumbnail((_LARGEST_PHOTOGRAPH, _LARGEST_PHOTOGRAPH))
        write_png(path, np.asarray(image))
        return self._picture(path, image)

    def _next(self, kind: str) -> Path:
        return self._folder / f"{kind}-{next(self._numbers):05d}.png"

    def _picture(self, path: Path, image: Image.Image) -> Picture:
        return Picture(f"{self._folder.name}/{path.name}", image.width, image.height)

"""The pictures that the report takes into its folder, and the small ones that it shows first."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from vital.images.files import read_image, read_rgba

_LARGEST_PHOTOGRAPH = 512
"""Photographs are shrunk to this side in pixels, so that the folder stays small enough to mail."""

_LARGEST_THUMBNAIL = 160
"""A larger picture gets a small one, which the page shows until the reader enlarges it."""

_THUMBNAIL_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """An image of the report's folder, and its thumbnail: itself where it is small already."""

    url: str
    thumbnail: str
    width: int
    height: int


class PictureFolder:
    """The folder of images: a kind and a number for names, as a class may be called anything.

    A file that is taken twice is there once. The folder is new and takes its place as a whole, so
    that its files need no temporary names of their own.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._numbers = count(1)
        self._taken: dict[Path, Picture] = {}

    def copy(self, source: Path, kind: str) -> Picture:
        """Take a visualization as it is."""
        if source not in self._taken:
            path = self._next(kind)
            shutil.copyfile(source, path)
            self._taken[source] = self._picture(path, read_rgba(source))
        return self._taken[source]

    def shrink(self, source: Path, kind: str) -> Picture:
        """Take a photograph of any format and size as a PNG without metadata."""
        return self._shrunk(source, kind, _LARGEST_PHOTOGRAPH)

    def draw(self, image: Image.Image, kind: str) -> Picture:
        """As :meth:`shrink`, for an image that is no file."""
        return self._drawn(image, kind, _LARGEST_PHOTOGRAPH)

    def miniature(self, source: Path, kind: str) -> Picture:
        """Take a photograph no larger than a thumbnail, unless it is here as a whole already."""
        return self._shrunk(source, kind, _LARGEST_THUMBNAIL)

    def _shrunk(self, source: Path, kind: str, side: int) -> Picture:
        if source not in self._taken:
            self._taken[source] = self._drawn(read_image(source), kind, side)
        return self._taken[source]

    def _drawn(self, image: Image.Image, kind: str, side: int) -> Picture:
        image.thumbnail((side, side))
        path = self._next(kind)
        Image.fromarray(np.asarray(image)).save(path, format="PNG")
        return self._picture(path, image)

    def _next(self, kind: str) -> Path:
        return self._folder / f"{kind}-{next(self._numbers):05d}.png"

    def _picture(self, path: Path, image: Image.Image) -> Picture:
        thumbnail = path
        if max(image.size) > _LARGEST_THUMBNAIL:
            thumbnail = _write_thumbnail(path, image)
        return Picture(self._url(path), self._url(thumbnail), image.width, image.height)

    def _url(self, path: Path) -> str:
        return f"{self._folder.name}/{path.name}"


def _write_thumbnail(path: Path, image: Image.Image) -> Path:
    """Write the small one beside ``path``: as JPEG, which decodes fastest, unless it has alpha."""
    small = Image.fromarray(np.asarray(image))
    small.thumbnail((_LARGEST_THUMBNAIL, _LARGEST_THUMBNAIL))
    is_opaque = small.mode == "RGB" or small.getextrema()[-1] == (255, 255)
    suffix, small = (".jpg", small.convert("RGB")) if is_opaque else (".webp", small)
    thumbnail = path.with_name(f"{path.stem}-small{suffix}")
    small.save(thumbnail, quality=_THUMBNAIL_QUALITY)
    return thumbnail

"""Where images wait between their draw and their use: on disk, so that memory holds none."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vital.images.files import EncodedImage, read_file


@dataclass(frozen=True)
class ShelvedImage:
    """A readable image as a file, which whoever takes it may move; the rest as of EncodedImage.

    A shelf of its own lasts as long as one of its images.
    """

    path: Path
    suffix: str
    width: int
    height: int
    sha256: str
    shelf: Shelf

    def read(self) -> bytes:
        """The content."""
        return read_file(self.path, self.path)

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


class Shelf:
    """A folder of images: the one given, or one of its own that goes when nothing refers to it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._numbers = count()
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="vital-images-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = folder

    def put(self, image: EncodedImage) -> ShelvedImage:
        """Write an image's content to the folder."""
        path = self._folder / f"{next(self._numbers)}{image.suffix}"
        path.write_bytes(image.content)
        return ShelvedImage(path, image.suffix, image.width, image.height, image.sha256, self)

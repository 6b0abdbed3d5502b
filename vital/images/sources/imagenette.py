"""Imagenette: photographs of ten ImageNet classes, in its folder or fetched by torchvision.

See https://github.com/fastai/imagenette. It comes in three sizes, a folder each.
"""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from vital.errors import DataError, first_line
from vital.images.sources.base import IndexedPool
from vital.images.sources.folders import folder_classes, open_folder
from vital.params.data import SourceParams
from vital.runtime.files import holds

log = logging.getLogger(__name__)


class _Size(NamedTuple):
    """What torchvision calls a size, and the folder that its archive unfolds to."""

    name: str
    folder: str


SIZES = {
    "imagenette": _Size("full", "imagenette2"),
    "imagenette-320px": _Size("320px", "imagenette2-320"),
    "imagenette-160px": _Size("160px", "imagenette2-160"),
}
"""By what follows ``torch/`` in a source's name; the number is the length of the short side."""

SYNSETS = (
    "n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042",
    "n03425413", "n03445777", "n03888257",
)  # fmt: skip
"""The ten classes, by which its folders are called."""

_FIRST = "train"
"""The split that is read where none is named."""


def open_imagenette(name: str, root: Path, split: str | None = None) -> IndexedPool:
    """The images of a split, by default ``train``, by synset.

    They are those of its folder in ``root``, which is fetched where it is not there. Raises
    DataError where that fails, and for a split that does not exist.
    """
    size = SIZES[name]
    folder = root / size.folder
    if not holds(folder.is_dir):
        _fetch(name, size, root)
    return open_folder(folder, split or _FIRST)


def imagenette_classes(params: SourceParams, root: Path, split: str | None) -> list[str] | None:
    """What the classes of a split are called: by its folder, or by what would be fetched.

    The source lies in ``root``. None of a source that is another. Raises DataError as
    :func:`open_imagenette` does for a folder that is there.
    """
    folder = imagenette_folder(params, root)
    if folder is None:
        return None
    return folder_classes(folder, split or _FIRST)[1] if holds(folder.is_dir) else list(SYNSETS)


def imagenette_folder(params: SourceParams, root: Path) -> Path | None:
    """The folder, perhaps not there yet, that is read; None of a source that is another."""
    size = _size_of(params)
    return None if size is None else root / (params.root or "") / size.folder


def _size_of(params: SourceParams) -> _Size | None:
    return SIZES.get(params.source.partition("/")[2].lower()) if params.kind == "torch" else None


def _fetch(name: str, size: _Size, root: Path) -> None:
    """Put the folder into ``root``, whole or not at all."""
    from torchvision.datasets import Imagenette

    log.info("torch/%s is not in %s: it is fetched", name, root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=f".{size.folder}.") as scratch:
            Imagenette(scratch, size=size.name, download=True)
            Path(scratch, size.folder).rename(root / size.folder)
    except Exception as error:  # unreachable, damaged or no space: each has errors of its own
        raise DataError(
            f"torch/{name} is not in {root} and cannot be fetched ({first_line(error)}): put its "
            f"folder {size.folder} there, with train/ and val/"
        ) from None

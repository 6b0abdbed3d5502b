"""Torchvision's data sets on local files, by the names that timm knows, and Imagenette."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from timm.data import create_dataset

from vital.errors import DataError, nearest
from vital.images.files import read_file
from vital.images.sources.base import Candidate, IndexedPool, group_by_class
from vital.images.sources.folders import open_folder
from vital.images.sources.imagenette import SIZES, open_imagenette
from vital.images.sources.scanning import refuse_circles

_FOLDERS = ("image_folder", "folder")
_TWO_SPLITS = ("cifar10", "cifar100", "mnist", "kmnist", "fashion_mnist", "qmnist")
_OTHERS = ("imagenet", "inaturalist", "inat", "places365")
_LINKED = "imagenet"
"""Torchvision follows every link below its folder, and would not end where they go in circles."""
_SPLIT_NAMES = ("train", "training", "val", "valid", "validation", "eval", "evaluation", "test")
"""For a data set of two splits: timm takes any other name for the second."""


def open_torchvision(name: str, root: Path | None, split: str | None = None) -> IndexedPool:
    """The images of the torchvision data set ``name`` whose files lie in ``root``.

    Nothing is downloaded but Imagenette. Raises DataError for a name or split that is unknown, and
    when the files are not there.
    """
    if root is None:
        raise DataError(f"torch/{name}: say which folder its files lie in (root)")
    name = name.lower()
    if name in _FOLDERS:
        return open_folder(root, split)
    if name in SIZES:
        return open_imagenette(name, root, split)
    known = (*_FOLDERS, *_TWO_SPLITS, *_OTHERS, *SIZES)
    if name not in known:
        raise DataError(f"there is no data set 'torch/{name}'; {nearest(name, known)}")
    split = split or "train"
    if name in _TWO_SPLITS and split not in _SPLIT_NAMES:
        raise DataError(f"{name} has no split {split!r}; {nearest(split, _SPLIT_NAMES)}")
    if name == _LINKED:
        refuse_circles(root)
    try:
        dataset = create_dataset(f"torch/{name}", root=str(root), split=split, download=False)
    except Exception:  # each data set has its own errors for files that are not there
        raise DataError(
            f"{name} cannot be read from {root}: its files are not there or damaged; "
            "put its files there first"
        ) from None
    if hasattr(dataset, "loader"):
        dataset.loader = Path  # its own would turn files into RGB in its own way
    names = _class_names(dataset)
    members = group_by_class([names[target] for target in _targets(dataset)], names)
    return IndexedPool(members, lambda number: _candidate(dataset, number, split))


def _class_names(dataset: Any) -> list[str]:
    """The classes by their index: synsets where there are any, else names."""
    for attribute in ("wnids", "classes", "all_categories"):
        found = getattr(dataset, attribute, None)
        if found:
            return [name if isinstance(name, str) else ", ".join(name) for name in found]
    raise DataError(f"{type(dataset).__name__} does not name its classes")


def _targets(dataset: Any) -> Sequence[int]:
    """The class of each image, without opening it where the data set allows that."""
    kept = getattr(dataset, "targets", None)
    if kept is None:
        return [int(dataset[number][1]) for number in range(len(dataset))]
    # QMNIST keeps more than the class of each image.
    return [int(target) if getattr(target, "ndim", 0) == 0 else int(target[0]) for target in kept]


def _candidate(dataset: Any, number: int, split: str) -> Candidate:
    origin = f"{split}/{number:06d}"

    def read() -> bytes | Image.Image:
        item: Path | Image.Image = dataset[number][0]
        return read_file(item, origin) if isinstance(item, Path) else item

    return Candidate(origin, read)

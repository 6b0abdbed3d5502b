"""Images in a folder with a subfolder per class."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from vital.errors import DataError, nearest
from vital.images.files import read_file
from vital.images.sources.base import (
    Candidate,
    IndexedPool,
    group_by_class,
    legible,
)
from vital.images.sources.scanning import scan_folder, subfolders

log = logging.getLogger(__name__)

_SPLIT_NAMES = frozenset(
    {"train", "training", "val", "valid", "validation", "eval", "test", "heldout"}
)


def open_folder(folder: Path, split: str | None = None) -> IndexedPool:
    """The images below each subfolder of ``folder``, or of its subfolder ``split``.

    Raises DataError when a folder does not exist, or holds splits where classes are expected.
    """
    root, classes = folder_classes(folder, split)
    paths = scan_folder(root)
    members = group_by_class([legible(_first_part(path)) for path in paths], classes)
    outside = len(paths) - sum(len(members[name]) for name in classes)
    if outside:
        log.warning("%s: %d images lie in no folder of a class and are not used", root, outside)
    return IndexedPool(
        {name: members[name] for name in classes}, _candidates(root, paths, split or "")
    )


def folder_classes(folder: Path, split: str | None = None) -> tuple[Path, list[str]]:
    """The folder of a split, or ``folder`` itself, and the names of the classes in it.

    Raises DataError as :func:`open_folder` does.
    """
    root = _inside(folder, split)
    classes = class_folders(root)
    if not classes:
        raise DataError(f"{root} has no subfolders; it needs one for each class")
    if split is None and _SPLIT_NAMES.issuperset(name.lower() for name in classes):
        raise DataError(
            f"{folder} holds the splits {', '.join(classes)} and no classes: name the split, as in "
            "data.splits: {train: train, heldout: val}"
        )
    return root, classes


def open_flat_folder(folder: Path, class_name: str) -> IndexedPool:
    """All images below ``folder`` as those of one class."""
    paths = scan_folder(folder)
    return IndexedPool({class_name: range(len(paths))}, _candidates(folder, paths, ""))


def class_folders(folder: Path) -> list[str]:
    """The names of the subfolders of ``folder`` as text, hidden ones left out, as people count.

    Raises DataError when the folder does not exist, or when two names look alike as text.
    """
    names = [legible(name) for name in subfolders(folder)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{folder} has two subfolders that are both written {twice[0]!r}")
    return names


def _inside(folder: Path, split: str | None) -> Path:
    """The folder of a split: one of the subfolders, and nothing outside of them."""
    if split is None:
        return folder
    present = class_folders(folder)
    if split not in present:
        raise DataError(f"{folder} has no split {split!r}; {nearest(split, present)}")
    return folder / split


def _first_part(path: str) -> str:
    first, separator, _ = path.partition(os.sep)
    return first if separator else ""


def _candidates(root: Path, paths: Sequence[str], prefix: str) -> Callable[[int], Candidate]:
    def candidate(number: int) -> Candidate:
        origin = legible(Path(prefix, paths[number]).as_posix())
        return Candidate(origin, lambda: read_file(root / paths[number], origin))

    return candidate

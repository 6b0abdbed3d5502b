"""Images in a folder with a subfolder per class, or in a tar of such folders."""

from __future__ import annotations

import logging
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from timm.data.readers import create_reader, get_img_extensions, set_img_extensions

from vital.errors import DataError, first_line, nearest
from vital.images.files import SUFFIXES, UndecodableImageError
from vital.images.sources.base import (
    Candidate,
    IndexedPool,
    group_by_class,
    legible,
    natural_key,
    read_file,
)

log = logging.getLogger(__name__)

_SPLIT_NAMES = frozenset(
    {"train", "training", "val", "valid", "validation", "eval", "test", "heldout"}
)


def open_folder(folder: Path, split: str | None = None) -> IndexedPool:
    """The images below each subfolder of ``folder``, or of its subfolder ``split``.

    Raises DataError when a folder does not exist, or holds splits where classes are expected.
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
    paths = _image_paths(root)
    names = [legible(_first_part(path)) for path in paths]
    outside = sum(name not in classes for name in names)
    if outside:
        log.warning("%s: %d images lie in no folder of a class and are not used", root, outside)
    members = group_by_class(names, classes)
    return IndexedPool(
        {name: members[name] for name in classes}, _candidates(root, paths, split or "")
    )


def open_flat_folder(folder: Path, class_name: str) -> IndexedPool:
    """All images below ``folder`` as those of one class."""
    paths = _image_paths(folder)
    return IndexedPool({class_name: range(len(paths))}, _candidates(folder, paths, ""))


def class_folders(folder: Path) -> list[str]:
    """The names of the subfolders of ``folder``, hidden ones left out, as people count.

    Raises DataError when the folder does not exist.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    return [legible(name) for name in sorted(names, key=natural_key) if not name.startswith(".")]


def open_tar(path: Path, split: str | None = None) -> IndexedPool:
    """The images of a tar; the class of each is the folder, or the inner tar, that it lies in.

    Raises DataError when the file is missing, damaged or holds no images in folders, and when a
    split is asked for: a tar has none.
    """
    if split is not None:
        raise DataError(f"{path} has no split {split!r}: a tar has none")
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    try:
        with _all_suffixes():
            # Its cache would be a pickle beside the user's file.
            reader = create_reader("", root=str(path), cache_tarinfo=False)
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        raise DataError(f"{path} holds no images, or is damaged ({first_line(error)})") from None
    label_of = {index: legible(name) for name, index in reader.class_name_to_idx.items()}
    members = group_by_class([label_of[int(target)] for target in reader.targets], [])
    outside = members.pop("", [])
    if outside:
        log.warning("%s: %d images lie in no folder and are not used", path, len(outside))
    order = sorted(members, key=natural_key)
    return IndexedPool(
        {name: members[name] for name in order}, lambda number: _tar_candidate(reader, number)
    )


def _inside(folder: Path, split: str | None) -> Path:
    """The folder of a split: one of the subfolders, and nothing outside of them."""
    if split is None:
        return folder
    present = class_folders(folder)
    if split not in present:
        raise DataError(f"{folder} has no split {split!r}; {nearest(split, present)}")
    return folder / split


def _image_paths(root: Path) -> list[str]:
    """Paths of images relative to ``root``, hidden ones left out, as people count."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    try:
        reader = create_reader("", root=str(root), input_key=";".join(sorted(SUFFIXES)))
    except RuntimeError:  # it holds no images
        return []
    except ValueError as error:
        raise DataError(f"{root} cannot be read ({first_line(error)})") from None
    paths = [str(path) for path in reader.filenames()]
    shown = [path for path in paths if not any(part.startswith(".") for part in Path(path).parts)]
    return sorted(shown, key=natural_key)


def _first_part(path: str) -> str:
    first, separator, _ = path.partition(os.sep)
    return first if separator else ""


def _candidates(root: Path, paths: Sequence[str], prefix: str) -> Callable[[int], Candidate]:
    def candidate(number: int) -> Candidate:
        origin = legible(Path(prefix, paths[number]).as_posix())
        return Candidate(origin, lambda: read_file(root / paths[number], origin))

    return candidate


def _tar_candidate(reader: Any, number: int) -> Candidate:
    origin = legible(reader.filename(number))

    def read() -> bytes:
        try:
            return bytes(reader[number][0].read())
        except (tarfile.TarError, EOFError, OSError) as error:
            reason = f"cannot be read ({first_line(error)})"
            raise UndecodableImageError(origin, reason) from None

    return Candidate(origin, read)


@contextmanager
def _all_suffixes() -> Iterator[None]:
    """Let timm see every image of a tar: of itself it knows JPEG and PNG only."""
    before = get_img_extensions()
    set_img_extensions(sorted(SUFFIXES))
    try:
        yield
    finally:
        set_img_extensions(before)

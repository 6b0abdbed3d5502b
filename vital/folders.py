"""Reference images from a folder: one subfolder per class, or a flat folder for a single unit."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from vital.errors import DataError
from vital.images import SUFFIXES, UndecodableImageError, read_image
from vital.seeds import generator

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReferenceSet:
    """The images that stand for one unit; ``skipped`` holds (path, reason) of those unreadable."""

    name: str
    paths: tuple[Path, ...]
    skipped: tuple[tuple[Path, str], ...]


def class_folders(folder: Path) -> list[Path]:
    """The subfolders of ``folder``, by name.

    Raises DataError when the folder does not exist.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    return sorted(path for path in folder.iterdir() if path.is_dir())


def draw_references(folder: Path, count: int | None, limit: int, seed: int) -> ReferenceSet:
    """Draw readable images of ``folder`` in a seeded order: ``count``, or up to ``limit`` if None.

    A file that cannot be decoded is reported and the next draw takes its place. Raises DataError
    when the folder is empty or has fewer readable images than ``count``.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{folder} holds no images")
    order = torch.randperm(len(files), generator=generator(seed, "references", folder.name))
    wanted = limit if count is None else count
    kept: list[Path] = []
    skipped: list[tuple[Path, str]] = []
    for index in order.tolist():
        if len(kept) == wanted:
            break
        try:
            read_image(files[index])
            kept.append(files[index])
        except UndecodableImageError as error:
            log.warning("%s is left out: %s", error.path, error.reason)
            skipped.append((error.path, error.reason))
    _check_enough(folder, kept, count, len(skipped))
    return ReferenceSet(folder.name, tuple(sorted(kept)), tuple(skipped))


def _check_enough(folder: Path, kept: list[Path], count: int | None, unreadable: int) -> None:
    if kept and (count is None or len(kept) == count):
        return
    note = f" ({unreadable} more cannot be decoded)" if unreadable else ""
    asked = f", but {count} are asked for" if count is not None else ""
    raise DataError(f"{folder} has {len(kept)} readable images{note}{asked}")

"""data/images: one row per image, saying what it is, where it lies and which split it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from vital.artefacts.columns import CLASS_NAME, LABEL, PATH, SHA256
from vital.artefacts.table import Kind, Table
from vital.errors import DataError, nearest

SPLIT = "split"
WIDTH = "width"
HEIGHT = "height"
SOURCE = "source"
"""Where an image was taken from, relative to ``data.source``."""
REASON = "reason"

TRAIN, VALIDATION, HELD_OUT = SPLITS = ("train", "validation", "heldout")

MANIFEST = Table(
    "manifest.parquet",
    {
        PATH: Kind.TEXT,
        LABEL: Kind.WHOLE,
        CLASS_NAME: Kind.TEXT,
        SPLIT: Kind.TEXT,
        WIDTH: Kind.WHOLE,
        HEIGHT: Kind.WHOLE,
        SHA256: Kind.TEXT,
        SOURCE: Kind.TEXT,
    },
)
SKIPPED = Table("skipped.parquet", {CLASS_NAME: Kind.TEXT, SOURCE: Kind.TEXT, REASON: Kind.TEXT})


def write_manifest(folder: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the manifest of the images in ``folder``, sorted by split, label and path.

    ``path`` is relative to ``folder``, and ``source`` to where the images were taken from.
    """
    table = MANIFEST.frame(rows)
    order = table[SPLIT].map(SPLITS.index)
    table = table.assign(order=order).sort_values(["order", LABEL, PATH], kind="stable")
    MANIFEST.write(folder, table.drop(columns="order").reset_index(drop=True))


def read_manifest(folder: Path) -> pd.DataFrame:
    """Read the manifest of ``folder``; ``path`` is relative to it."""
    return MANIFEST.read(folder)


def write_skipped(folder: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write down which images were drawn but could not be used, and why."""
    SKIPPED.write(folder, SKIPPED.frame(rows).astype(str))


def read_skipped(folder: Path) -> pd.DataFrame:
    """What :func:`write_skipped` wrote: a row per image, perhaps none."""
    return SKIPPED.read(folder)


def class_names(manifest: pd.DataFrame) -> list[str]:
    """The names of the classes, in the order of their labels."""
    pairs = manifest[[LABEL, CLASS_NAME]].drop_duplicates().sort_values(LABEL)
    return [str(name) for name in pairs[CLASS_NAME]]


def split_rows(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, in the manifest's order.

    Raises DataError when the split does not exist or is empty.
    """
    rows = manifest[manifest[SPLIT] == split]
    if rows.empty:
        present = sorted(manifest[SPLIT].unique())
        raise DataError(f"no images in split {split!r}; {nearest(split, present)}")
    return rows.reset_index(drop=True)

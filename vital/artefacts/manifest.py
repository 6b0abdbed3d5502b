"""The manifest: one row per image, saying what it is, where it lies and which split it is in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vital.errors import DataError, nearest
from vital.runtime.files import read_parquet, write_parquet

FILE_NAME = "manifest.parquet"
SKIPPED_FILE = "skipped.parquet"
COLUMNS = ("path", "label", "class_name", "split", "width", "height", "sha256", "source")
SKIPPED_COLUMNS = ("class_name", "source", "reason")
SPLITS = ("train", "validation", "heldout")


def write_manifest(folder: Path, rows: list[dict[str, object]]) -> None:
    """Write the manifest of the images in ``folder``, sorted by split, label and path.

    ``path`` is relative to ``folder``, and ``source`` to where the images were taken from.
    """
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table["split"].map(SPLITS.index)
    table = table.assign(order=order).sort_values(["order", "label", "path"], kind="stable")
    write_parquet(folder / FILE_NAME, table.drop(columns="order").reset_index(drop=True))


def read_manifest(folder: Path) -> pd.DataFrame:
    """Read the manifest of ``folder``; ``path`` is relative to it."""
    return read_parquet(folder / FILE_NAME)


def write_skipped(folder: Path, rows: list[dict[str, object]]) -> None:
    """Write down which images were drawn but could not be used, and why."""
    write_parquet(
        folder / SKIPPED_FILE, pd.DataFrame(rows, columns=list(SKIPPED_COLUMNS), dtype=str)
    )


def read_skipped(folder: Path) -> pd.DataFrame:
    """What :func:`write_skipped` wrote: a row per image, perhaps none."""
    return read_parquet(folder / SKIPPED_FILE)


def class_names(manifest: pd.DataFrame) -> list[str]:
    """The names of the classes, in the order of their labels."""
    pairs = manifest[["label", "class_name"]].drop_duplicates().sort_values("label")
    return [str(name) for name in pairs["class_name"]]


def split_rows(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, in the manifest's order.

    Raises DataError when the split does not exist or is empty.
    """
    rows = manifest[manifest["split"] == split]
    if rows.empty:
        present = sorted(manifest["split"].unique())
        raise DataError(f"no images in split {split!r}; {nearest(split, present)}")
    return rows.reset_index(drop=True)

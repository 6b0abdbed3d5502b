"""Images of a manifest as batches of network input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from vital.errors import DataError
from vital.images import read_image
from vital.manifest import SPLITS, split_rows
from vital.preprocessing import Preprocessing
from vital.seeds import generator


def load_images(folder: Path, paths: list[str], preprocessing: Preprocessing) -> torch.Tensor:
    """Read images of ``folder`` as one normalised batch (B, 3, H, W)."""
    return torch.stack([preprocessing(read_image(folder / path)) for path in paths])


def batches(
    folder: Path, rows: pd.DataFrame, preprocessing: Preprocessing, size: int
) -> Iterator[tuple[pd.DataFrame, torch.Tensor]]:
    """Rows of a manifest with their images, ``size`` at a time, in the given order."""
    for first in range(0, len(rows), size):
        part = rows.iloc[first : first + size]
        yield part, load_images(folder, list(part["path"]), preprocessing)


def draw_per_class(rows: pd.DataFrame, count: int, seed: int, purpose: str) -> pd.DataFrame:
    """Draw ``count`` rows of every class with the run's seed; classes stay in label order.

    Raises DataError when a class has fewer rows than asked for.
    """
    drawn = []
    for label, group in rows.groupby("label", sort=True):
        if len(group) < count:
            name = group["class_name"].iloc[0]
            raise DataError(f"class {name!r} has {len(group)} images, but {count} are asked for")
        order = torch.randperm(len(group), generator=generator(seed, purpose, str(label)))
        drawn.append(group.iloc[sorted(order[:count].tolist())])
    return pd.concat(drawn, ignore_index=True)


def reference_rows(manifest: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """The reference images of every class: ``count`` draws from the train split.

    Raises DataError when a class has fewer.
    """
    return draw_per_class(split_rows(manifest, SPLITS[0]), count, seed, "references")

"""Images of a manifest as batches of network input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from vital.images.files import read_image
from vital.images.preprocessing import Preprocessing


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

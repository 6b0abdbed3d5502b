"""All images of a method in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vital.artefacts.visualizations import read_index
from vital.images.files import read_image


def contact_sheet(folder: Path) -> np.ndarray:
    """All images of a method in rows of classes and columns of seeds, as bytes (H, W, 3)."""
    index = read_index(folder).sort_values(["unit", "seed"])
    rows = [
        np.concatenate([np.asarray(read_image(folder / path)) for path in group["image"]], axis=1)
        for _, group in index.groupby("unit")
    ]
    return np.concatenate(rows, axis=0)

"""All images of a method in one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vital.artefacts.columns import SEED, TAP, UNIT

_PAPER = 255
"""What is seen where a row has fewer images than others."""


def contact_sheet(images: Sequence[np.ndarray], table: pd.DataFrame) -> np.ndarray:
    """Equally large images (H, W, 3) of the rows of ``table``, as bytes (H', W', 3).

    A row of the sheet has a unit's seeds. Where each unit has one image alone, the rows make a
    square as nearly as they can.
    """
    rows = _rows(table)
    if all(len(row) == 1 for row in rows):
        across = math.ceil(math.sqrt(len(rows)))
        places = [place for (place,) in rows]
        rows = [places[first : first + across] for first in range(0, len(places), across)]
    height, width, _ = images[0].shape
    sheet = np.full(
        (len(rows) * height, max(map(len, rows)) * width, 3), _PAPER, dtype=images[0].dtype
    )
    for down, row in enumerate(rows):
        for right, place in enumerate(row):
            top, left = down * height, right * width
            sheet[top : top + height, left : left + width] = images[place]
    return sheet


def _rows(table: pd.DataFrame) -> list[list[int]]:
    """The places of each unit's images in ``table``, by seed."""
    places = table[[TAP, UNIT, SEED]].reset_index(drop=True).sort_values([TAP, UNIT, SEED])
    return [list(group.index) for _, group in places.groupby([TAP, UNIT])]

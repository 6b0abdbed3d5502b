"""Where each image lies in a sheet of many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vital.report.contact_sheet import contact_sheet


def grey(value: int) -> np.ndarray:
    return np.full((2, 3, 3), value, np.uint8)


def laid_out(rows: list[tuple[str, int, int]]) -> list[list[int]]:
    """The grey of each cell of the sheet of images that are as grey as their place, from 1."""
    table = pd.DataFrame(rows, columns=["tap", "unit", "seed"], index=range(5, 5 + len(rows)))
    sheet = contact_sheet([grey(i + 1) for i in range(len(rows))], table)
    cells = sheet.reshape(sheet.shape[0] // 2, 2, sheet.shape[1] // 3, 3, 3)
    assert (cells == cells[:, :1, :, :1, :1]).all()
    return cells[:, 0, :, 0, 0].tolist()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("class", 4, 0)], [[1]]),
        ([("class", 4, 1), ("class", 4, 0)], [[2, 1]]),
        ([("class", 4, 0), ("class", 2, 0), ("class", 2, 1)], [[2, 3], [1, 255]]),
        ([("class", 0, 0), ("layer", 0, 0), ("class", 1, 0)], [[1, 3], [2, 255]]),
        ([("class", i, 0) for i in range(5)], [[1, 2, 3], [4, 5, 255]]),
    ],
)
def test_units_are_rows_and_seeds_are_columns(
    rows: list[tuple[str, int, int]], expected: list[list[int]]
) -> None:
    assert laid_out(rows) == expected

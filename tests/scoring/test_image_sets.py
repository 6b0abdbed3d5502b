"""Which real images are scored, and which they are scored against."""

from __future__ import annotations

import pandas as pd
import pytest

from vital.errors import DataError
from vital.scoring.image_sets import split_held_out


def test_held_out_images_are_divided_without_overlap() -> None:
    rows = pd.DataFrame(
        {"unit": [0] * 6 + [1] * 5, "name": "x", "path": [f"{i}.png" for i in range(11)]}
    )
    scored, against = split_held_out(rows, {0: 3, 1: 2}, seed=0)
    assert scored["unit"].tolist() == [0, 0, 0, 1, 1]
    assert set(scored["path"]) | set(against["path"]) == set(rows["path"])
    assert not set(scored["path"]) & set(against["path"])
    with pytest.raises(DataError, match="needs at least 7"):
        split_held_out(rows, {0: 5, 1: 1}, seed=0)

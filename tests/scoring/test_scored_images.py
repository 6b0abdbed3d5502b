"""Which real images are scored, and which they are scored against."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from vital.artefacts.visualizations import INDEX
from vital.errors import DataError
from vital.images.image_set import ImageSet
from vital.scoring.scored_images import image_sets, photographs, split_held_out


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


def test_a_visualized_class_without_held_out_images_is_named(tmp_path: Path) -> None:
    row = {"method": "vital", "tap": "class", "seed": 0, "image": "x.png"}
    rest = dict.fromkeys(INDEX.optional - set(row))
    index = pd.DataFrame([{**row, "unit": i, "name": name} for i, name in enumerate(["ant", "NA"])])
    INDEX.write(tmp_path, index.assign(**rest))
    rows = pd.DataFrame({"label": [0] * 4, "class_name": "ant", "path": list("abcd")})
    held_out = photographs(tmp_path, rows)
    with pytest.raises(DataError, match="class 'NA' has visualizations by vital but no held-out"):
        image_sets({"vital": tmp_path}, held_out, seed=0)
    INDEX.write(tmp_path, index[:1].assign(**rest))
    scored, against = image_sets({"vital": tmp_path}, held_out, seed=0)
    assert {name: len(one) for name, one in scored.items()} == {"vital": 1, "real": 1}
    assert isinstance(against, ImageSet)
    assert len(against) == 3

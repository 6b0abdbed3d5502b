"""Looks, colours and files of figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.files import files_below
from vital.report.figures.embedding import draw_embedding
from vital.report.figures.style import class_colours, save_figure


@pytest.mark.parametrize("count", [1, 2, 3, 12, 100])
def test_every_class_has_a_colour_of_its_own(count: int) -> None:
    colours = class_colours(range(count))
    assert len(set(colours.values())) == count
    assert all(len(colour) == 7 and colour[0] == "#" for colour in colours.values())


def test_figure_bytes_hold_no_date(tmp_path: Path) -> None:
    real = pd.DataFrame({"unit": [0, 1], "name": ["猫", "a"], "x": [0.0, 1.0], "y": [0.0, np.pi]})
    save_figure(tmp_path, "map", draw_embedding(real, {"vital": real}, class_colours([0, 1])))
    files = files_below(tmp_path)
    assert len(files) > 1
    for content in files.values():
        assert b"dc:date" not in content and b"Software" not in content

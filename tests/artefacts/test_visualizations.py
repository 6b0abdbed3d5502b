"""Which rows are of classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vital.artefacts.visualizations import class_curves, class_rows


def test_class_rows_and_curves_leave_inner_units_out() -> None:
    index = pd.DataFrame({"tap": ["class", "layer1", "class"], "unit": [0, 0, 1]})
    assert class_rows(index)["unit"].tolist() == [0, 1]
    history = pd.DataFrame(
        {
            "target": ["class/0/0", "classes/0/0", "layer1/0/0"],
            "loss": [1.0, 2.0, 3.0],
            "loss_deep": [np.nan, 1.0, 1.0],
        }
    )
    curves = class_curves(history)
    assert curves["loss"].tolist() == [1.0]
    assert "loss_deep" not in curves

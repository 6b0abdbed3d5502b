"""Loss curves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vital.report.figures.losses import draw_losses, loss_columns
from vital.report.figures.style import WIDE_LIGHT


def test_losses_are_the_total_and_the_taps_in_their_order() -> None:
    first = pd.DataFrame(columns=["step", "loss", "loss_stem", "loss_layer1", "loss_tv", "loss_l2"])
    second = pd.DataFrame(columns=["step", "loss", "loss_stem", "loss_extra"])
    columns = loss_columns({"a": first, "b": second})
    assert columns == ["loss", "loss_stem", "loss_layer1", "loss_extra"]


def test_negative_losses_are_within_the_axis_and_positive_ones_stay_logarithmic() -> None:
    """Maximised responses are negative losses, up to a thousand times as large as those of taps."""
    steps = range(20)
    falling = pd.DataFrame({"step": steps, "loss": np.geomspace(50, 0.5, 20), "loss_stem": 2.0})
    rising = pd.DataFrame({"step": steps, "loss": -np.linspace(0, 800, 20)})
    figure = draw_losses({"vital": falling, "maco": rising})(WIDE_LIGHT)
    figure.draw_without_rendering()
    total, stem = figure.axes[:2]
    assert (total.get_yscale(), stem.get_yscale()) == ("symlog", "log")
    low, high = total.get_ylim()
    assert (low < -800, high > 50) == (True, True)
    ticks = [tick for tick in total.get_yticks() if low <= tick <= high]
    assert min(ticks) < 0 < max(ticks)
    curves = [np.asarray(line.get_ydata(), dtype=float) for line in total.get_lines()]
    heights = [total.transData.transform(np.column_stack([steps, curve]))[:, 1] for curve in curves]
    assert all(np.ptp(height) > 0.1 * total.bbox.height for height in heights)

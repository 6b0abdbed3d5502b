"""Loss curves: a panel for the total and one for each tap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from vital.artefacts.visualizations import PRIORS, STEP, is_loss, loss_column, loss_part
from vital.report.figures.style import Draw, Look, class_colours


def loss_columns(histories: Mapping[str, pd.DataFrame]) -> list[str]:
    """The total and every tap's loss, in the order in which the tables name them."""
    named = [column for table in histories.values() for column in table.columns]
    priors = {loss_column(prior) for prior in PRIORS}
    return [name for name in dict.fromkeys(named) if is_loss(name) and name not in priors]


def draw_losses(histories: Mapping[str, pd.DataFrame]) -> Draw:
    """A panel for the total and each tap: the mean over targets, their range shaded."""
    panels = loss_columns(histories)

    def draw(look: Look) -> Figure:
        columns = 2 if look.is_narrow else _even_columns(len(panels))
        rows = math.ceil(len(panels) / columns)
        height = 1.45 if look.is_narrow else 1.95
        figure = Figure(figsize=(look.width, height * rows + 0.35), layout="constrained")
        grid = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
        for axes, column in zip(grid, panels, strict=False):
            _draw_panel(axes, column, histories, look)
        for axes in grid[max(0, len(panels) - columns) : len(panels)]:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(STEP, fontsize=8, color=look.muted)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if len(histories) > 1:
            _methods_legend(figure, list(histories), look)
        return figure

    return draw


def _even_columns(panels: int) -> int:
    """Three or four columns, whichever leaves fewer places empty."""
    return min((3, 4), key=lambda columns: -panels % columns)


def _draw_panel(axes: Axes, column: str, histories: Mapping[str, pd.DataFrame], look: Look) -> None:
    curves = [
        (colour, table.groupby(STEP, sort=True)[column].agg(["min", "mean", "max"]))
        for colour, table in zip(
            _method_colours(len(histories), look), histories.values(), strict=True
        )
        if column in table
    ]
    _scale_losses(axes, pd.concat([curve for _, curve in curves]))
    for colour, curve in curves:
        axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.16, lw=0)
        axes.plot(curve.index, curve["mean"], color=colour, linewidth=1.6)
    title = loss_part(column) or "total"
    size = 7.5 if look.is_narrow else 9
    axes.set_title(title, loc="left", fontsize=size + 0.5, color=look.ink)
    axes.set_facecolor("none")
    axes.grid(axis="y", color=look.grid, linewidth=0.8)
    axes.tick_params(which="both", length=0, labelsize=size - 0.5, labelcolor=look.muted)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(look.grid)


def _scale_losses(axes: Axes, losses: pd.DataFrame) -> None:
    """Logarithmic; where losses are negative, as of responses, so on both sides of 0."""
    values = losses.to_numpy(float)
    if values.min() < 0:
        near_zero = 10.0 ** (math.floor(math.log10(np.abs(values).max())) - 2)
        axes.set_yscale("symlog", linthresh=near_zero)
    else:
        axes.set_yscale("log", nonpositive="clip")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=12))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _method_colours(count: int, look: Look) -> list[str]:
    if count == 1:
        return [look.accent]
    return list(class_colours(range(count)).values())


def _methods_legend(figure: Figure, methods: Sequence[str], look: Look) -> None:
    colours = _method_colours(len(methods), look)
    handles = [
        Line2D([], [], color=colour, label=method)
        for colour, method in zip(colours, methods, strict=True)
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=len(handles), frameon=False,
        labelcolor=look.ink, fontsize=8,
    )  # fmt: skip

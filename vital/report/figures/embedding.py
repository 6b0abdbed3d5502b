"""The paper's t-SNE figure of the features of real images and visualizations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vital.artefacts.columns import NAME, UNIT
from vital.artefacts.scores import X, Y
from vital.report.figures.style import Draw, Look, drawable_label

MOST_LABELS = 30
"""With more classes than this, their names would hide the points."""

_MARKERS = "DosP^vX*"
_MOST_VECTOR_POINTS = 4000
"""More dots than this are pixels in the SVG, so that it stays small."""


def draw_embedding(
    real: pd.DataFrame, visualized: Mapping[str, pd.DataFrame], colours: Mapping[int, str]
) -> Draw:
    """The paper's t-SNE figure: real images as pale dots, visualizations as edged markers.

    Tables hold unit, name, x and y; a class has one colour in all of them.
    """

    def draw(look: Look) -> Figure:
        figure = Figure(figsize=(look.width, look.width * (1.0 if look.is_narrow else 0.62)))
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.90))
        axes.set_axis_off()
        axes.scatter(
            real[X], real[Y], s=16, c=_colour_list(real, colours), alpha=look.pale,
            linewidths=0, rasterized=len(real) > _MOST_VECTOR_POINTS,
        )  # fmt: skip
        for marker, table in zip(_markers(len(visualized)), visualized.values(), strict=True):
            axes.scatter(
                table[X], table[Y], s=52, c=_colour_list(table, colours), marker=marker,
                edgecolors=look.ink, linewidths=1.1, zorder=3,
            )  # fmt: skip
        axes.margins(x=0.08, y=0.06)
        _name_clusters(axes, real, look)
        _kinds_legend(figure, list(visualized), look)
        return figure

    return draw


def _colour_list(table: pd.DataFrame, colours: Mapping[int, str]) -> list[str]:
    return [colours[unit] for unit in table[UNIT]]


def _markers(count: int) -> list[str]:
    return [_MARKERS[i % len(_MARKERS)] for i in range(count)]


def _name_clusters(axes: Axes, real: pd.DataFrame, look: Look) -> None:
    """Each class's name above its cluster, haloed, over the dots and under the markers."""
    clusters = real.groupby(UNIT, sort=True)
    if len(clusters) > MOST_LABELS:
        return
    for unit, cluster in clusters:
        label = axes.annotate(
            drawable_label(str(cluster[NAME].iloc[0]), int(str(unit))),
            (cluster[X].median(), _upper_rim(cluster[Y])),
            (0, 8), textcoords="offset points", ha="center", va="bottom",
            color=look.ink, size=8 if look.is_narrow else 9.5, zorder=2,
        )  # fmt: skip
        label.set_path_effects([patheffects.withStroke(linewidth=3, foreground=look.paper)])


def _upper_rim(values: pd.Series) -> float:
    """The top of a cluster without its stray points."""
    return float(values.quantile(0.9))


def _kinds_legend(figure: Figure, methods: Sequence[str], look: Look) -> None:
    def handle(label: str, marker: str, edge: str, size: float, alpha: float) -> Line2D:
        return Line2D(
            [], [], linestyle="", marker=marker, label=label, color=look.muted,
            markeredgecolor=edge, markersize=size, alpha=alpha,
        )  # fmt: skip

    handles = [handle("real photograph", "o", "none", 5, 0.6)]
    for marker, method in zip(_markers(len(methods)), methods, strict=True):
        handles.append(handle(f"visualization ({method})", marker, look.ink, 7, 1.0))
    figure.legend(
        handles=handles, loc="upper center", ncols=2 if look.is_narrow else len(handles),
        frameon=False, labelcolor=look.ink, fontsize=8 if look.is_narrow else 9.5,
        handletextpad=0.3, columnspacing=1.4,
    )  # fmt: skip

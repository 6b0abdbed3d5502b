"""Figures of the report: light and dark, wide and narrow, with the same bytes for the same data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from vital.runtime.files import replacing

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that every machine draws the same letters."""

MOST_LABELS = 30
"""With more classes than this, their names would hide the points."""

_STYLE = {
    "font.family": FONT,
    "svg.hashsalt": "vital",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_MARKERS = "DosP^vX*"
_MOST_VECTOR_POINTS = 4000
_PNG_DPI = 200
_SVG_DPI = 144
"""Of the pictures inside: their pixels are about those of the page."""


@dataclass(frozen=True)
class Look:
    """What a figure is drawn for: a colour scheme, and a width in inches.

    ``pale`` is the opacity of what stays in the background.
    """

    name: str
    ink: str
    muted: str
    grid: str
    paper: str
    accent: str
    pale: float
    width: float
    is_narrow: bool


_LIGHT = {
    "ink": "#1f2328", "muted": "#6b6f76", "grid": "#e7e4dd", "paper": "#ffffff",
    "accent": "#0f6e66",
}  # fmt: skip
_DARK = {
    "ink": "#eceae5", "muted": "#a0a3a8", "grid": "#33363b", "paper": "#1d1f22",
    "accent": "#6cc5b8",
}  # fmt: skip

WIDE_LIGHT = Look("wide-light", **_LIGHT, pale=0.38, width=9.0, is_narrow=False)
LOOKS = (
    WIDE_LIGHT,
    Look("wide-dark", **_DARK, pale=0.55, width=9.0, is_narrow=False),
    Look("narrow-light", **_LIGHT, pale=0.38, width=4.2, is_narrow=True),
    Look("narrow-dark", **_DARK, pale=0.55, width=4.2, is_narrow=True),
)

Draw = Callable[[Look], Figure]


def save_figure(folder: Path, name: str, draw: Draw) -> None:
    """Write ``<name>-<look>.svg`` for every look and, to be pasted elsewhere, ``<name>.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in LOOKS:
        write_svg(folder / f"{name}-{look.name}.svg", draw, look)
    write_png_figure(folder / f"{name}.png", draw)


def write_svg(path: Path, draw: Draw, look: Look) -> None:
    """Write a figure on no ground, to stand on a page of the look's colours."""
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        draw(look).savefig(
            path, transparent=True, dpi=_SVG_DPI, metadata={"Date": None, "Creator": None}
        )


def write_png_figure(path: Path, draw: Draw) -> None:
    """Write a figure on white, whatever the ending of ``path``: whole or not at all."""
    with matplotlib.rc_context(_STYLE), replacing(path) as temporary:  # type: ignore[arg-type]
        draw(WIDE_LIGHT).savefig(
            temporary, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None}
        )


def class_colours(units: Sequence[int]) -> dict[int, str]:
    """A colour for each unit: hues at equal steps, neighbours far apart, lightness in turn."""
    count = len(units)
    stride = _coprime_stride(count)
    return {
        unit: _oklch(0.70 if i % 2 else 0.58, 0.13, 2 * math.pi * (i * stride % count) / count)
        for i, unit in enumerate(units)
    }


def _coprime_stride(count: int) -> int:
    """The step nearest to 0.38 turns that still visits every hue."""
    wanted = max(1, round(count * 0.38))
    return next(step for step in range(wanted, count + 2) if math.gcd(step, count) == 1)


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """Ottosson's OKLCH, in which equal steps look equal, as an sRGB hex colour."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    to_lms = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_rgb @ (to_lms @ np.array([lightness, a, b])) ** 3, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(value)) for value in encoded)
    return f"#{red:02x}{green:02x}{blue:02x}"


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
            real["x"], real["y"], s=16, c=_colour_list(real, colours), alpha=look.pale,
            linewidths=0, rasterized=len(real) > _MOST_VECTOR_POINTS,
        )  # fmt: skip
        for marker, table in zip(_markers(len(visualized)), visualized.values(), strict=True):
            axes.scatter(
                table["x"], table["y"], s=52, c=_colour_list(table, colours), marker=marker,
                edgecolors=look.ink, linewidths=1.1, zorder=3,
            )  # fmt: skip
        axes.margins(x=0.08, y=0.06)
        _name_clusters(axes, real, look)
        _kinds_legend(figure, list(visualized), look)
        return figure

    return draw


def _colour_list(table: pd.DataFrame, colours: Mapping[int, str]) -> list[str]:
    return [colours[unit] for unit in table["unit"]]


def _markers(count: int) -> list[str]:
    return [_MARKERS[i % len(_MARKERS)] for i in range(count)]


def _name_clusters(axes: Axes, real: pd.DataFrame, look: Look) -> None:
    """Each class's name above its cluster, haloed, over the dots and under the markers."""
    clusters = real.groupby("unit", sort=True)
    if len(clusters) > MOST_LABELS:
        return
    for unit, cluster in clusters:
        label = axes.annotate(
            drawable_label(str(cluster["name"].iloc[0]), int(str(unit))),
            (cluster["x"].median(), _upper_rim(cluster["y"])),
            (0, 8), textcoords="offset points", ha="center", va="bottom",
            color=look.ink, size=8 if look.is_narrow else 9.5, zorder=2,
        )  # fmt: skip
        label.set_path_effects([patheffects.withStroke(linewidth=3, foreground=look.paper)])


def _upper_rim(values: pd.Series) -> float:
    """The top of a cluster without its stray points."""
    return float(values.quantile(0.9))


def drawable_label(name: str, unit: int) -> str:
    """The name, shortened, or the unit's number where the font lacks its letters."""
    if not is_drawable(name):
        return f"#{unit}"
    return name if len(name) <= 24 else f"{name[:23]}…"


def is_drawable(text: str) -> bool:
    """Whether the font has all letters of a text."""
    return all(ord(letter) in _letters() for letter in text)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


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


def loss_columns(histories: Mapping[str, pd.DataFrame]) -> list[str]:
    """The total and every tap's loss, in the order in which the tables name them."""
    named = [column for table in histories.values() for column in table.columns]
    losses = [name for name in named if name == "loss" or name.startswith("loss_")]
    return [name for name in dict.fromkeys(losses) if name not in ("loss_tv", "loss_l2")]


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
            axes.set_xlabel("step", fontsize=8, color=look.muted)
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
        (colour, table.groupby("step", sort=True)[column].agg(["min", "mean", "max"]))
        for colour, table in zip(
            _method_colours(len(histories), look), histories.values(), strict=True
        )
        if column in table
    ]
    _scale_losses(axes, pd.concat([curve for _, curve in curves]))
    for colour, curve in curves:
        axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.16, lw=0)
        axes.plot(curve.index, curve["mean"], color=colour, linewidth=1.6)
    title = "total" if column == "loss" else column.removeprefix("loss_")
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

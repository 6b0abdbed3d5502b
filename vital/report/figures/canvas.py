"""Figures that are laid out in inches: a canvas as large as the figure, and pictures on it."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vital.images.files import read_rgba
from vital.report.figures.overlays import lay_on_squares
from vital.report.figures.style import Look


def inch_canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A new figure, and axes over all of it that count in inches from its lower left."""
    figure = Figure(figsize=(width, height))
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set_axis_off()
    canvas.set_xlim(0, width)
    canvas.set_ylim(0, height)
    canvas.autoscale(False)
    return figure, canvas


def draw_picture(canvas: Axes, path: Path, x: float, y: float, side: float, look: Look) -> None:
    """A picture in the middle of a square whose lower left is given; squares show through it."""
    picture = lay_on_squares(read_rgba(path), (look.paper, look.grid))
    scale = side / max(picture.size)
    width, height = picture.width * scale, picture.height * scale
    left, low = x + (side - width) / 2, y + (side - height) / 2
    canvas.imshow(
        picture, extent=(left, left + width, low, low + height), interpolation="lanczos",
        aspect="auto",
    )  # fmt: skip

"""A figure of pictures in rows and columns, with the names of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vital.report.figures.canvas import draw_picture, inch_canvas
from vital.report.figures.style import Draw, Look, is_drawable

_GAP = 0.06
_LABEL = 1.5
"""The width of the rows' names, in inches."""

_HEADING = 0.3
_LARGEST = 1.4
"""The largest side of a picture, in inches."""

_LETTERS = 20
"""In a name; longer ones are cut."""


@dataclass(frozen=True)
class ImageGrid:
    """Paths of pictures, a list per row; None is one that is not there."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Path | None]]


def draw_image_grid(grid: ImageGrid) -> Draw:
    """Pictures with the rows' names on the left and the columns' above; frames for missing ones."""

    def draw(look: Look) -> Figure:
        side = min(_LARGEST, (look.width - _LABEL) / max(1, len(grid.columns)) - _GAP)
        pitch = side + _GAP
        width, height = _LABEL + pitch * len(grid.columns), _HEADING + pitch * len(grid.rows)
        figure, canvas = inch_canvas(width, height)
        for i, name in enumerate(grid.columns):
            canvas.text(
                _LABEL + i * pitch + side / 2, height - _HEADING + 0.06,
                _shortened(name, round(_LETTERS * side / _LARGEST)),
                color=look.ink, size=8, ha="center", va="bottom",
            )  # fmt: skip
        for j, (name, paths) in enumerate(zip(grid.rows, grid.cells, strict=True)):
            low = height - _HEADING - (j + 1) * pitch + _GAP
            canvas.text(
                _LABEL - 0.08, low + side / 2, _shortened(name, _LETTERS), color=look.ink, size=8,
                ha="right", va="center",
            )  # fmt: skip
            for i, path in enumerate(paths):
                _draw_cell(canvas, path, (_LABEL + i * pitch, low, side), look)
        return figure

    return draw


def _draw_cell(
    canvas: Axes, path: Path | None, place: tuple[float, float, float], look: Look
) -> None:
    """``place`` is x, y and the side of a square."""
    x, y, side = place
    if path is None:
        frame = Rectangle((x, y), side, side, fill=False, edgecolor=look.muted)
        frame.set_linestyle((0, (4, 4)))
        canvas.add_patch(frame)
        return
    draw_picture(canvas, path, x, y, side, look)


def _shortened(name: str, letters: int) -> str:
    """The name cut to some letters; those that the font lacks become question marks."""
    drawable = "".join(letter if is_drawable(letter) else "?" for letter in name)
    return drawable if len(drawable) <= letters else f"{drawable[: max(1, letters - 1)]}…"

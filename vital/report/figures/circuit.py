"""The figure of a circuit: units, their patches, and arrows that carry their share to the class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path as Curve

from vital.report.circuits import Circuit, Member
from vital.report.figures.canvas import draw_picture, inch_canvas
from vital.report.figures.style import Draw, Look, drawable_label, is_drawable
from vital.report.formatting import percent

_GAP = 0.04
_THINNEST, _WIDEST = 1.0, 5.0
"""Widths of arrows in points: of no share, and of the circuit's largest."""

_WIDE_LINE, _NARROW_LINE = 24, 34
"""Letters in a line of a unit's id."""

_WIDE_LABEL = 1.75
"""How long an arrow is straight for its label, in inches."""

Point = tuple[float, float]


@dataclass(frozen=True)
class _Square:
    """A square place for pictures; x and y are of its lower left corner, in inches."""

    x: float
    y: float
    side: float

    @property
    def middle(self) -> float:
        return self.y + self.side / 2

    def cells(self, count: int) -> list[_Square]:
        """Equal places for ``count`` pictures, row by row from the top."""
        across = math.ceil(math.sqrt(count))
        side = (self.side - _GAP * (across - 1)) / across
        step = side + _GAP
        top = self.y + self.side - side
        return [_Square(self.x + i % across * step, top - i // across * step, side)
                for i in range(count)]  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """Where one unit is drawn; its label starts at ``label``.

    The arrow is a line between the first two points and a cubic curve from there to the last.
    """

    patches: _Square
    image: _Square
    arrow: tuple[Point, Point, Point, Point, Point]
    label: Point
    is_label_split: bool
    """Whether the share stands below the arrow instead of behind the id."""


@dataclass(frozen=True)
class _Plan:
    """Where everything is drawn, in inches."""

    width: float
    height: float
    class_image: _Square
    rows: list[_Row]


def draw_circuit(circuit: Circuit) -> Draw:
    """Each unit's patches and visualization, and an arrow from it to the class.

    Arrows carry the unit's id and its share of the class's relevance in percent, and are as wide
    as the share is large. Pictures that are missing leave a frame.
    """

    def draw(look: Look) -> Figure:
        plan = (_narrow_plan if look.is_narrow else _wide_plan)(look.width, len(circuit.members))
        figure, canvas = inch_canvas(plan.width, plan.height)
        _draw_class(canvas, plan.class_image, circuit, look)
        largest = max((member.share for member in circuit.members), default=0.0)
        for row, member in zip(plan.rows, circuit.members, strict=True):
            _draw_member(canvas, row, member, look)
            strength = max(0.0, member.share / largest) if largest > 0 else 0.0
            _draw_arrow(canvas, row, strength, look)
        return figure

    return draw


def _wide_plan(width: float, count: int) -> _Plan:
    """Units in rows on the left, the class on the right."""
    side, pitch, class_side = 1.5, 1.72, 2.4
    height = max(count * pitch, class_side + 0.7)
    class_image = _Square(width - class_side - 0.1, (height - class_side) / 2 - 0.1, class_side)
    start = (height + count * pitch) / 2
    rows = []
    for i in range(count):
        y = start - (i + 1) * pitch + (pitch - side) / 2
        image = _Square(0.1 + side + 0.12, y, side)
        begin = (image.x + side + 0.08, image.middle)
        end = (class_image.x - 0.08, _spread(class_image, i, count))
        turn = (begin[0] + _WIDE_LABEL, begin[1])
        middle = (turn[0] + end[0]) / 2
        arrow = (begin, turn, (middle, begin[1]), (middle, end[1]), end)
        label = (begin[0] + 0.08, begin[1])
        rows.append(_Row(_Square(0.1, y, side), image, arrow, label, is_label_split=True))
    return _Plan(width, height, class_image, rows)


def _spread(square: _Square, i: int, count: int) -> float:
    """The height at which the i-th of ``count`` arrows meets a square."""
    return square.y + square.side * (0.5 + 0.6 * (0.5 - (i + 0.5) / count))


def _narrow_plan(width: float, count: int) -> _Plan:
    """The class on top, units in rows below it; arrows run up on the left."""
    side, pitch, class_side = 1.5, 2.0, 1.9
    height = 0.45 + class_side + 0.1 + count * pitch
    class_image = _Square(0.1, height - 0.4 - class_side, class_side)
    rows = []
    for i in range(count):
        y = class_image.y - 0.1 - (i + 1) * pitch + 0.05
        image = _Square(0.95, y, side)
        lane = 0.75 - 0.55 * (i + 0.5) / count
        begin, end = (image.x - 0.06, image.middle), (lane, class_image.y - 0.06)
        turn = (lane + 0.1, begin[1])
        arrow = (begin, turn, (lane, begin[1]), (lane, begin[1]), end)
        label = (image.x, y + side + 0.06)
        patches = _Square(image.x + side + 0.12, y, side)
        rows.append(_Row(patches, image, arrow, label, is_label_split=False))
    return _Plan(width, height, class_image, rows)


def _draw_class(canvas: Axes, place: _Square, circuit: Circuit, look: Look) -> None:
    _draw_picture(canvas, place, circuit.image, look, "not visualized")
    canvas.text(
        place.x, place.y + place.side + 0.1, drawable_label(circuit.name, circuit.index),
        color=look.ink, size=11, weight="bold", va="bottom",
    )  # fmt: skip


def _draw_member(canvas: Axes, row: _Row, member: Member, look: Look) -> None:
    _draw_picture(canvas, row.image, member.image, look, "not visualized")
    if not member.patches:
        _draw_frame(canvas, row.patches, look, "no patches")
    cells = row.patches.cells(len(member.patches)) if member.patches else []
    for cell, path in zip(cells, member.patches, strict=True):
        _draw_picture(canvas, cell, path, look, "")
    _draw_label(canvas, row, member, look)


def _draw_picture(
    canvas: Axes, place: _Square, path: Path | None, look: Look, missing: str
) -> None:
    if path is None:
        _draw_frame(canvas, place, look, missing)
    else:
        draw_picture(canvas, path, place.x, place.y, place.side, look)


def _draw_frame(canvas: Axes, place: _Square, look: Look, text: str) -> None:
    canvas.add_patch(
        Rectangle(
            (place.x, place.y), place.side, place.side, fill=False, edgecolor=look.muted,
            linestyle=(0, (4, 4)), linewidth=0.8,
        )
    )  # fmt: skip
    canvas.text(
        place.x + place.side / 2, place.middle, text, color=look.muted, size=7.5,
        ha="center", va="center",
    )  # fmt: skip


def _draw_label(canvas: Axes, row: _Row, member: Member, look: Look) -> None:
    """The id above the arrow, and the share below it or, with no place there, behind the id."""
    x, y = row.label
    share = percent(member.share)
    if row.is_label_split:
        above = _in_lines(_drawable_unit(member.unit), _WIDE_LINE)
        canvas.text(x, y - 0.09, share, color=look.accent, size=10, weight="bold", va="top")
    else:
        above = f"{_in_lines(_drawable_unit(member.unit), _NARROW_LINE)}   {share}"
    canvas.text(
        x, y + 0.07, above, color=look.ink, size=9.5 if look.is_narrow else 8.5, va="bottom",
        linespacing=1.2,
    )  # fmt: skip


def _drawable_unit(unit: str) -> str:
    """The id; where the font lacks letters of the tap, the channel alone."""
    return unit if is_drawable(unit) else f"…/{unit.rpartition('/')[2]}"


def _in_lines(unit: str, longest: int) -> str:
    """Break an id after dots, so that lines have at most ``longest`` letters where dots allow."""
    lines = [""]
    for part in unit.replace(".", ".\n").split("\n"):
        if lines[-1] and len(lines[-1] + part) > longest:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _draw_arrow(canvas: Axes, row: _Row, strength: float, look: Look) -> None:
    """``strength`` is in [0, 1]: the share compared to the circuit's largest."""
    codes = [Curve.MOVETO, Curve.LINETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]
    width = _THINNEST + (_WIDEST - _THINNEST) * strength
    canvas.add_patch(
        FancyArrowPatch(
            path=Curve(row.arrow, codes), arrowstyle="-|>", mutation_scale=9 + 2 * width,
            linewidth=width, color=look.accent, capstyle="butt",
        )
    )  # fmt: skip
